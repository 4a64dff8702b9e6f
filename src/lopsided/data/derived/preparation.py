"""What turns samples as they were read into samples that a network takes."""

from pathlib import Path
from typing import Any, ClassVar, Protocol

from lopsided.data.samples import Samples


class Preparation(Protocol):
    """Something fitted on the training split, such as a vocabulary, that is kept in the folder of the run.

    It is a value: what it makes of a sample depends on nothing but the sample and itself.
    """

    kind: ClassVar[str]
    """What a run calls it, such as ``tokens``."""

    @property
    def digest(self) -> str:
        """Hexadecimal digits that differ between preparations that make different numbers of the same sample."""
        ...

    def apply(self, samples: Samples) -> Samples:
        """The same samples, with the same labels, splits and names, whose inputs are what the network takes.

        Raises:
            DataError: They are of a kind that it does not take.
        """
        ...

    def remark(self, samples: Samples) -> str | None:
        """What it loses of the samples, in words; None where that is nothing."""
        ...

    def save(self, folder: Path) -> None:
        """Write itself to an empty folder, in files that load without executing anything."""
        ...

    @property
    def for_network(self) -> dict[str, Any]:
        """What else a network must be built with: arguments of :func:`lopsided.models.build_model` by their names."""
        ...
