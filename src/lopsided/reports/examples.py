"""Test samples beside what a run says about them."""

from __future__ import annotations

import dataclasses
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lopsided.data import Data, SplitDataset, read_source
from lopsided.inference.scoring import default_split, same_labels
from lopsided.inference.thresholds import decision_of
from lopsided.reports.runs import Run
from lopsided.runs.folder import Trained
from lopsided.runs.own_data import own_data

if TYPE_CHECKING:
    from PIL import Image

_SIGNS = {"found": "✓", "wrong": "✗", "missed": "○", "unknown": "?"}
_SIDE = 192  # pixels of a shown picture, about
_MOST = 12  # labels shown of a sample


@dataclass(frozen=True)
class Mark:
    """A label of a sample that is true, predicted or both."""

    kind: (
        str  # found: true and predicted; wrong: predicted alone; missed: true alone; unknown: predicted, truth unknown
    )
    label: str
    probability: float  # that the run gives it, in [0, 1]

    @property
    def sign(self) -> str:
        """✓ found, ✗ wrong, ○ missed, ? unknown."""
        return _SIGNS[self.kind]


@dataclass(frozen=True)
class Example:
    """One sample."""

    row: int  # in the table, from 0
    picture: bytes | None  # PNG
    marks: tuple[Mark, ...]  # most probable first within found, wrong, missed, unknown
    left_out: int  # further marks, too many to show
    text: tuple[tuple[str, bool], ...] = ()  # how a text begins, in pieces, and which are its rarest words


@dataclass(frozen=True)
class Examples:
    """Samples of one split, or a sentence that says why there are none."""

    split: str
    threshold: float
    threshold_words: str  # the same, for a sentence
    samples: tuple[Example, ...]
    trouble: str | None = None


def examples(run: Run, count: int, *, data: Data | None = None) -> Examples:
    """The first test samples with their true and their predicted labels.

    Args:
        run: A trained run; its evaluation names split and threshold, otherwise they are test (or val) and 0.5.
        count: How many, at least 0; fewer where the split is smaller.
        data: The data, if it was read already; read as the run's configuration says otherwise.

    Returns:
        The samples, images as pictures; or none of them and ``trouble``, where data or checkpoint cannot be read.
    """
    split, threshold = run.split, run.threshold
    try:
        data = data if data is not None else read_source_of(run, only_test=True)
        split = split if split in data.split_names else default_split(data)
        trained = run.folder.load()
        same_labels(trained, data)
        decision = decision_of(run.folder, trained, threshold if run.chosen is None else None)
        samples = _samples(trained, data, split=split, count=count, threshold=decision.threshold)
    except (ValueError, OSError, ImportError, RuntimeError) as error:  # a report must not fail for its examples
        return Examples(split, threshold, run.threshold_words, (), one_line(error))
    return Examples(split, threshold, run.threshold_words, samples)


def read_source_of(run: Run, *, only_test: bool = False) -> Data:
    """The data that a run was made with.

    Args:
        run: The run.
        only_test: Spare what its test samples do not need.

    Raises:
        DataError: It cannot be read any more, or has changed since.
        OSError: Likewise.
    """
    options = run.config.data
    if only_test and run.config.source == "digits":  # whose test scenes do not depend on the others
        options = dataclasses.replace(options, train_samples=1, missing=0.0, unknown=0.0)
    elif run.folder.identity() is not None:
        return own_data(run.folder)
    return read_source(run.config.source, options, seed=run.config.seed)


def one_line(error: Exception) -> str:
    """The message of an error, on one line of at most 200 characters."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else text[:199] + "…"


def picture(image: Image.Image) -> bytes:
    """An image as PNG of about 192 pixels: small ones enlarged without smoothing, large ones reduced."""
    factor = max(1, _SIDE // max(image.size))
    shown = image.resize((image.width * factor, image.height * factor), resample=0)
    shown.thumbnail((_SIDE, _SIDE))  # does nothing to smaller ones
    buffer = io.BytesIO()
    shown.save(buffer, format="PNG")
    return buffer.getvalue()


def _samples(trained: Trained, data: Data, *, split: str, count: int, threshold: float | Tensor) -> tuple[Example, ...]:
    prepared = data if trained.preparation is None else trained.preparation.apply(data)
    dataset = SplitDataset(prepared, split=split, options=trained.images)
    batch = dataset[list(range(min(count, len(dataset))))]
    if not len(batch["rows"]):
        return ()
    with torch.inference_mode():
        probabilities = trained.calibrator(trained.model(batch["inputs"]).float())
    known = batch.get("mask", torch.ones_like(batch["targets"], dtype=torch.bool))
    found = []
    for place, (row, p, truth, is_known) in enumerate(
        zip(batch["rows"].tolist(), probabilities, batch["targets"], known, strict=True)
    ):
        marks = _marks(p, truth.bool(), is_known, trained.labels, threshold)
        left_out = max(0, len(marks) - _MOST)
        shown = _picture_of(data, row, batch["inputs"], place)
        found.append(Example(row, shown, marks[:_MOST], left_out, tuple(data.marked(row))))
    return tuple(found)


def _marks(
    p: Tensor, truth: Tensor, known: Tensor, labels: tuple[str, ...], threshold: float | Tensor
) -> tuple[Mark, ...]:
    predicted = p > threshold
    kinds = {
        "found": predicted & truth,
        "wrong": predicted & ~truth & known,
        "missed": ~predicted & truth,
        "unknown": predicted & ~known,
    }
    marks = []
    for kind, members in kinds.items():
        chosen = members.nonzero().flatten().tolist()
        marks += [Mark(kind, labels[k], float(p[k])) for k in sorted(chosen, key=lambda k: -float(p[k]))]
    return tuple(marks)


def _picture_of(data: Data, row: int, inputs: Tensor, place: int) -> bytes | None:
    if inputs.dtype == torch.uint8:  # of an image file: as the network sees it
        from PIL import Image

        return picture(Image.fromarray(inputs[place].permute(1, 2, 0).numpy()))
    image = data.image(row, size=_SIDE)
    return None if image is None else picture(image)
