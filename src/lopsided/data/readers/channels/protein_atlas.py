"""The Human Protein Atlas as Kaggle published it in 2018 and 2021: a file for each colour of an image."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args

from lopsided.data.manifest import Manifest
from lopsided.data.options import ColourChannels
from lopsided.data.readers.collector import Collector
from lopsided.files.csv_columns import cells_of, open_columns
from lopsided.files.csv_file import read_csv_file
from lopsided.files.errors import DataError, quoted

_OF_2018 = (
    *("Nucleoplasm", "Nuclear membrane", "Nucleoli", "Nucleoli fibrillar center", "Nuclear speckles"),
    *("Nuclear bodies", "Endoplasmic reticulum", "Golgi apparatus", "Peroxisomes", "Endosomes", "Lysosomes"),
    *("Intermediate filaments", "Actin filaments", "Focal adhesion sites", "Microtubules", "Microtubule ends"),
    *("Cytokinetic bridge", "Mitotic spindle", "Microtubule organizing center", "Centrosome", "Lipid droplets"),
    *("Plasma membrane", "Cell junctions", "Mitochondria", "Aggresome", "Cytosol", "Cytoplasmic bodies"),
    "Rods & rings",
)
_OF_2021 = (
    *("Nucleoplasm", "Nuclear membrane", "Nucleoli", "Nucleoli fibrillar center", "Nuclear speckles"),
    *("Nuclear bodies", "Endoplasmic reticulum", "Golgi apparatus", "Intermediate filaments", "Actin filaments"),
    *("Microtubules", "Mitotic spindle", "Centrosome", "Plasma membrane", "Mitochondria", "Aggresome", "Cytosol"),
    *("Vesicles and punctate cytosolic patterns", "Negative"),
)
_FORMS = {("Id", "Target"): (" ", _OF_2018), ("ID", "Label"): ("|", _OF_2021)}
_COLOURS = {"rgb": "{red,green,blue}", "rgby": "{red,green,blue,yellow}"}


def read_protein_atlas(folder: Path, *, channels: ColourChannels = "rgb", label_names: Sequence[str] = ()) -> Manifest:
    """Read images of cells, whose colours lie in a file each, with the places in which a protein is.

    Args:
        folder: With ``train.csv`` and the images ``train/ID_red.png``, ``ID_green.png``, ``ID_blue.png`` and
            ``ID_yellow.png``, or with another ending.
        channels: ``rgb`` (microtubules, the protein, the nucleus) or ``rgby``, in which half of the yellow file (the
            endoplasmic reticulum) is added to red and to green.
        label_names: Names that are labels even where they never occur.

    Returns:
        Images in the order of the table, all ``train``; labels are those that occur, by the names of the competition,
        sorted. Images of the folder ``test`` have no labels and are not read.

    Raises:
        DataError: The table is missing or malformed, or all images are missing.

    Source: kaggle.com/c/human-protein-atlas-image-classification, and hpa-single-cell-image-classification.
    """
    if channels not in get_args(ColourChannels):
        raise DataError(f"expected channels to be one of {', '.join(get_args(ColourChannels))}, got {channels!r}")
    table = folder / "train.csv"
    columns = read_csv_file(table).names
    form = next((form for form in _FORMS if set(form) <= set(columns)), next(iter(_FORMS)))
    separator, names = _FORMS[form]
    ending, found = _ending(folder), Collector(folder, table)
    for line, (image, target) in cells_of(open_columns(table, form, origin="of kaggle.com"), form):
        try:
            if not image:
                raise DataError(f"expected an {form[0]}, got an empty cell")
            found.add(f"train/{image}_{_COLOURS[channels]}{ending}", _labels(target, separator, names))
        except DataError as error:
            raise DataError(str(error), path=table, line=line) from None
    return found.manifest("Human Protein Atlas", label_names=label_names)


def _labels(cell: str, separator: str, names: tuple[str, ...]) -> Iterator[str]:
    for part in cell.split(separator):
        number = int(part) if part.isascii() and part.isdigit() and len(part) < 4 else -1
        if not 0 <= number < len(names):
            raise DataError(
                f"expected numbers of labels below {len(names)} joined by {separator!r}, got {quoted(cell)}"
            )
        yield names[number]


def _ending(folder: Path) -> str:
    """The ending of the images, which all have the same."""
    try:
        with os.scandir(folder / "train") as entries:
            found = (os.path.splitext(entry.name) for entry in entries)
            return next((ending for stem, ending in found if stem.endswith("_green")), ".png")
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=folder / "train") from error
