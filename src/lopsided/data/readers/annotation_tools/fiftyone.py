"""What FiftyOne exports of images."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from lopsided.data.cell_values import parse_split
from lopsided.data.manifest import Manifest
from lopsided.data.options import Unannotated
from lopsided.data.readers.annotation_tools.fiftyone_labels import labels_of_sample, labels_of_target
from lopsided.data.readers.annotation_tools.links import ImageFinder
from lopsided.data.readers.collector import Collector
from lopsided.data.split_names import USUAL_SPLITS
from lopsided.files.errors import DataError, quoted
from lopsided.files.json_file import read_json

_FOLDERS = ("", "data", "images")


@dataclass(frozen=True)
class _Sample:
    """The path or name of an image, its labels (None where nobody looked), and its tags."""

    image: str
    labels: list[str] | None
    tags: tuple[str, ...] = ()


def read_fiftyone(
    folder: Path,
    *,
    labels_column: str | None = None,
    unannotated: Unannotated = "drop",
    label_names: Sequence[str] = (),
) -> Manifest:
    """Read classifications, or the labels of detections, of images.

    Args:
        folder: With ``samples.json`` (the type ``FiftyOneDataset``) or ``labels.json``
            (``FiftyOneImageClassificationDataset`` with one label or several for each image, and
            ``FiftyOneImageDetectionDataset``); images are in ``data``.
        labels_column: The field with the labels, such as ``ground_truth``, where samples have several.
        unannotated: Images whose field is empty: ``drop`` leaves them out, ``drop_train`` out of training, ``keep``
            counts them as images without labels. A list of labels that is empty says that an image has none.
        label_names: Names that are labels even where they never occur; without effect where the file lists classes.

    Returns:
        Images in the order of the file. Labels are the ``classes`` of the file in their order; where it has none, those
        that occur, sorted. Of a sample's tags, one that names a split is its split; otherwise it is ``train``.

    Raises:
        DataError: No such file is there, it is malformed, or all images are missing.

    Source: docs.voxel51.com, "Exporting FiftyOne datasets".
    """
    if unannotated not in get_args(Unannotated):
        raise DataError(f"expected unannotated to be one of {', '.join(get_args(Unannotated))}, got {unannotated!r}")
    file = _file(folder)
    content = read_json(file)
    try:
        if file.name == "samples.json":
            samples, classes = _of_samples(content, labels_column), []
        else:
            if labels_column is not None:
                raise DataError(f"expected no data.labels_column, which is for samples.json, got {labels_column!r}")
            samples, classes = _of_labels(content)
        found, left_out = _collected(folder, file, samples, unannotated)
    except DataError as error:
        raise DataError(str(error), path=file) from None
    notes = []
    if left_out:
        notes = [f"{left_out} of {len(samples)} images have no labels yet and are left out (--data.unannotated keep)"]
    return found.manifest(
        folder.resolve().name, label_names=classes or label_names, is_whole=bool(classes), notes=notes
    )


def _file(folder: Path) -> Path:
    there = [path for name in ("samples.json", "labels.json") if (path := folder / name).is_file()]
    if len(there) == 1:
        return there[0]
    came = " and ".join(path.name for path in there) or "none"
    raise DataError(f"expected samples.json or labels.json, as FiftyOne exports them, got {came}", path=folder)


def _of_samples(content: Any, field: str | None) -> list[_Sample]:
    entries = content.get("samples") if isinstance(content, dict) else content
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise DataError(f"expected samples, a list of objects, got {quoted(entries)}")
    field = _field(entries, field)
    samples = []
    for i, entry in enumerate(entries):
        path, tags = entry.get("filepath"), entry.get("tags") or []
        if not isinstance(path, str) or not path:
            raise DataError(f"expected a filepath in each sample, got {quoted(path)} in number {i} (from 0)")
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            raise DataError(f"expected tags, a list of texts, got {quoted(tags)} in number {i} (from 0)")
        try:
            samples.append(_Sample(path, labels_of_sample(entry.get(field)), tuple(tags)))
        except DataError as error:
            raise DataError(f"{error} in {quoted(field)} of number {i} (from 0)") from None
    return samples


def _field(entries: list[dict[str, Any]], wanted: str | None) -> str:
    """The field that holds labels, told by the class that FiftyOne writes into each."""
    names = Counter(
        name for entry in entries for name, value in entry.items() if isinstance(value, dict) and value.get("_cls")
    )
    of_labels = {name for name in names if any(_holds_labels(entry.get(name)) for entry in entries)}
    if wanted is not None and wanted not in of_labels:
        came = ", ".join(map(quoted, sorted(of_labels))) or "none"
        raise DataError(f"expected labels in the field {quoted(wanted)} (data.labels_column), got {came}")
    if wanted is None and len(of_labels) != 1:
        came = " and ".join(f"{quoted(name)} ({names[name]} samples)" for name in sorted(of_labels)) or "none"
        hint = f": say --data.labels_column {min(of_labels)}" if of_labels else ""
        raise DataError(f"expected one field of classifications or detections, got {came}{hint}")
    return wanted if wanted is not None else of_labels.pop()


def _holds_labels(value: Any) -> bool:
    return isinstance(value, dict) and value.get("_cls") in (
        "Classification",
        "Classifications",
        "Detection",
        "Detections",
        "Polylines",
    )


def _of_labels(content: Any) -> tuple[list[_Sample], list[str]]:
    if not isinstance(content, dict) or not isinstance(content.get("labels"), dict):
        raise DataError('expected an object with "labels", an object with the name of each image, got something else')
    classes = content.get("classes") or []
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise DataError(f"expected classes, a list of names, got {quoted(classes)}")
    samples = []
    for name, target in content["labels"].items():
        try:
            samples.append(_Sample(name, labels_of_target(target, classes)))
        except DataError as error:
            raise DataError(f"{error} for the image {quoted(name)}") from None
    return samples, classes


def _collected(folder: Path, file: Path, samples: list[_Sample], unannotated: Unannotated) -> tuple[Collector, int]:
    finder, endings = ImageFinder(folder, folders=_FOLDERS), dict(_endings(folder))
    found, left_out = Collector(folder, file), 0
    for sample in samples:
        split = _split(sample)
        if sample.labels is None and (unannotated == "drop" or (unannotated == "drop_train" and split == "train")):
            left_out += 1
            continue
        image = endings.get(sample.image) if file.name == "labels.json" else None
        found.add(image or finder.path(sample.image), sample.labels or [], split=split)
    return found, left_out


def _endings(folder: Path) -> Iterator[tuple[str, str]]:
    """Images in ``data`` by their names without the ending, by which ``labels.json`` calls them."""
    place = folder / "data"
    for path in sorted(place.rglob("*")) if place.is_dir() else ():
        if path.is_file():
            yield path.relative_to(place).with_suffix("").as_posix(), path.relative_to(folder).as_posix()


def _split(sample: _Sample) -> str:
    splits = {split for tag in sample.tags if tag.strip() and (split := parse_split(tag)) in USUAL_SPLITS}
    if len(splits) > 1:
        came = " and ".join(sorted(splits))
        raise DataError(f"expected one split among the tags of {quoted(sample.image)}, got {came}")
    return splits.pop() if splits else "train"
