"""The bundled data: scenes of real handwritten digits, several to a scene, in colours."""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from lopsided.data.labels import Labels, hide_positives
from lopsided.data.table import Table
from lopsided.files.errors import DataError

CANVAS = 32  # pixels, each way
MOST_DIGITS = 5  # in a scene
COLOURS = {  # red, green and blue, each in 0..255
    "red": (255, 40, 40),
    "green": (40, 190, 60),
    "blue": (70, 100, 255),
    "yellow": (255, 235, 60),
    "cyan": (60, 230, 240),
    "magenta": (235, 60, 220),
    "orange": (255, 140, 20),
    "white": (250, 250, 250),
}
LABEL_NAMES = tuple(f"{digit} {colour}" for digit in range(10) for colour in COLOURS)
# Scenes are drawn in blocks, each from its own random stream: the first scenes are the same however many are wanted.
_BLOCK = 500
_PLACES = 20  # candidates for the place of a digit
# The drawings are ordered by writer, so most writers are in one of these blocks only.
_DRAWINGS = {"train": slice(0, 1100), "val": slice(1100, 1400), "test": slice(1400, 1797)}


class Drawn(NamedTuple):
    """What was drawn, digit by digit, each of shape (digits,)."""

    scene: np.ndarray  # its number
    digit: np.ndarray  # 0 to 9
    colour: np.ndarray  # place among COLOURS
    centre: np.ndarray  # pixels from above and from the left, shape (digits, 2)


def digits(
    *,
    train_samples: int = 20_000,
    validation_samples: int = 2_000,
    test_samples: int = 4_000,
    missing: float = 0.0,
    seed: int = 0,
) -> Table:
    """Scenes of 1 to 5 handwritten digits in 8 colours; labels are pairs such as ``3 red``; about 3 of 80 are positive.

    Args:
        train_samples: Scenes in ``train``, at least 0.
        validation_samples: Scenes in ``val``, at least 0, by other writers.
        test_samples: Scenes in ``test``, at least 0, by other writers again.
        missing: Share of the training positives to hide, in [0, 1]; ``truth`` keeps them.
        seed: Decides everything, at least 0. The scenes do not depend on ``missing``, nor the first ones on how many
            there are.

    Returns:
        Images, uint8, shape (samples, 3, 32, 32).

    Example:
        >>> table = digits(train_samples=100, validation_samples=10, test_samples=10)
        >>> table.features.shape, len(table.labels.names), table.labels.names[10]
        ((120, 3, 32, 32), 80, '1 blue')

    Source: the drawings are scikit-learn's ``load_digits``, from the test set of Alpaydin and Kaynak, UCI, 1998.
    """
    counts = {"train": train_samples, "val": validation_samples, "test": test_samples}
    for split, count in counts.items():
        if count < 0:
            raise DataError(f"expected the number of {split} samples to be at least 0, got {count}")
    if seed < 0:
        raise DataError(f"expected seed to be at least 0, got {seed}")
    if not any(counts.values()):
        raise DataError("expected at least one sample, got none")
    images, drawn = draw_scenes(counts, seed=seed)
    targets = np.zeros((len(images), len(LABEL_NAMES)), dtype=bool)
    targets[drawn.scene, drawn.digit * len(COLOURS) + drawn.colour] = True
    truth = Labels(LABEL_NAMES, csr_array(targets))
    splits = np.repeat(list(counts), list(counts.values()))
    labels = hide_positives(truth, range(train_samples), share=missing, seed=seed)
    return Table("digits", images, labels, splits, truth=truth if missing else None)


def draw_scenes(counts: dict[str, int], *, seed: int) -> tuple[np.ndarray, Drawn]:
    """Scenes, and what is in them.

    Args:
        counts: How many, for ``train``, ``val`` and ``test``.
        seed: Decides everything.

    Returns:
        Images of all splits, one after the other, uint8, shape (scenes, 3, 32, 32), and the digits in them.
    """
    drawings, classes = _load_drawings()
    images, drawn, total = [], list[Drawn](), 0
    for number, (split, count) in enumerate(counts.items()):
        mine = _DRAWINGS[split]
        for block in range(-(-count // _BLOCK)):
            random = np.random.default_rng([seed, number, block])
            scenes, found = _draw_block(drawings[mine], classes[mine], random)
            wanted = min(_BLOCK, count - block * _BLOCK)
            images.append(scenes[:wanted])
            kept = Drawn(*(part[found.scene < wanted] for part in found))
            drawn.append(kept._replace(scene=kept.scene + total))
            total += wanted
    return np.concatenate(images), Drawn(*map(np.concatenate, zip(*drawn, strict=True)))


def _load_drawings() -> tuple[np.ndarray, np.ndarray]:
    """Ink in [0, 1], shape (drawings, 8, 8), and the digit of each."""
    from sklearn.datasets import load_digits  # takes a second, so it is imported only when needed

    pixels, classes = load_digits(return_X_y=True)
    return (pixels / 16).astype(np.float32).reshape(-1, 8, 8), classes


def _draw_block(drawings: np.ndarray, classes: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, Drawn]:
    """Images, uint8 (scenes, 3, 32, 32), and what is in them."""
    shape = (_BLOCK, MOST_DIGITS)
    counts = random.integers(1, MOST_DIGITS + 1, size=_BLOCK)
    chosen = random.integers(len(drawings), size=shape)
    colours = random.integers(len(COLOURS), size=shape)
    sizes = random.uniform(9, 16, size=shape).astype(np.float32)
    corners = _place(sizes, random)
    background = random.integers(0, 50, size=(_BLOCK, 3, CANVAS, CANVAS), dtype=np.uint8)
    canvas = background.astype(np.float32)
    palette = np.array(list(COLOURS.values()), dtype=np.float32)
    drawn = list[Drawn]()
    for k in range(MOST_DIGITS):
        scenes = np.flatnonzero(counts > k)
        colour, drawing = colours[scenes, k], chosen[scenes, k]
        alpha = _stamp(drawings[drawing], corners[scenes, k], sizes[scenes, k])[:, None]
        canvas[scenes] += alpha * (palette[colour][:, :, None, None] - canvas[scenes])
        centre = corners[scenes, k] + sizes[scenes, k, None] / 2
        drawn.append(Drawn(scenes, classes[drawing], colour, centre))
    return np.rint(canvas).astype(np.uint8), Drawn(*map(np.concatenate, zip(*drawn, strict=True)))


def _place(sizes: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Upper left corners in pixels, shape (scenes, digits, 2): of some random places, the one that overlaps least."""
    scenes, num_digits = sizes.shape
    candidates = random.random((scenes, num_digits, _PLACES, 2), dtype=np.float32) * (CANVAS - sizes[..., None, None])
    corners = np.zeros((scenes, num_digits, 2), dtype=np.float32)
    for k in range(num_digits):
        overlap = np.zeros((scenes, _PLACES), dtype=np.float32)
        for j in range(k):
            low = np.maximum(candidates[:, k], corners[:, None, j])
            high = np.minimum(candidates[:, k] + sizes[:, k, None, None], (corners[:, j] + sizes[:, j, None])[:, None])
            overlap += np.prod(np.maximum(high - low, 0), axis=-1)
        corners[:, k] = candidates[np.arange(scenes), k, overlap.argmin(axis=1)]
    return corners


def _stamp(drawings: np.ndarray, corners: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """The drawings (n, 8, 8) enlarged bilinearly to their sizes at their places: ink in [0, 1], shape (n, 32, 32)."""
    centres = np.arange(CANVAS, dtype=np.float32) + 0.5
    # Position of each canvas pixel among the 8 of the drawing; a weight falls to 0 one pixel away.
    position = (centres - corners[..., None]) * (8 / sizes[:, None, None]) - 0.5
    weights = np.maximum(0, 1 - np.abs(position[..., None] - np.arange(8, dtype=np.float32)))
    return weights[:, 0] @ drawings @ weights[:, 1].transpose(0, 2, 1)
