"""Small tables that several tests look at."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.sparse import csr_array

from lopsided.data import DataError, Labels, Table


@pytest.fixture(scope="session")
def refusal() -> Callable[..., str]:
    """What our error says when a file is read, or nothing; every other error goes through."""

    def read_and_tell(read: Callable[..., Table], path: object) -> str:
        try:
            assert len(read(path)) > 0
        except DataError as error:
            return str(error)
        return ""

    return read_and_tell


@pytest.fixture
def make_table() -> Callable[..., Table]:
    """A table of features 0, 1, 2, ... whose every second sample is a cat and every third a dog."""

    def make(splits: list[str], *, features: np.ndarray | csr_array | None = None, unknown: np.ndarray | None = None):
        samples = np.arange(len(splits))
        targets = np.stack([samples % 2 == 0, samples % 3 == 0], axis=1)
        if unknown is not None:
            targets &= ~unknown
        if features is None:
            features = samples[:, None].astype(np.float32)
        labels = Labels(("cat", "dog"), csr_array(targets), None if unknown is None else csr_array(unknown))
        return Table("pets", features, labels, np.array(splits))

    return make
