"""What Label Studio exports of images: JSON, and JSON_MIN."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from lopsided.data.cell_values import parse_split
from lopsided.data.manifest import Manifest
from lopsided.data.options import Annotators, Unannotated
from lopsided.data.readers.annotation_tools.label_studio_tasks import Task, tasks_of
from lopsided.data.readers.annotation_tools.links import ImageFinder, image_root
from lopsided.data.readers.collector import Collector
from lopsided.files.errors import DataError, quoted
from lopsided.files.json_file import read_json


def read_label_studio(
    file: Path,
    *,
    annotators: Annotators = "majority",
    labels_column: str | None = None,
    image_folder: str | None = None,
    unannotated: Unannotated = "drop",
    label_names: Sequence[str] = (),
) -> Manifest:
    """Read choices, or the labels of regions, of images.

    An annotation without a choice says that the image has none of the labels; cancelled ones and predictions don't
    count, and where some are marked as ground truth, only these do. Several annotations of one image are joined.

    Args:
        file: The export, as JSON or JSON_MIN. Images are looked for beside it and in ``images``, ``data``, ``media``
            and ``upload`` there, by the end of their link, with or without the eight digits that Label Studio puts
            before the names of uploads.
        annotators: What several annotations of an image say together: a label is positive where more than half chose
            it, and unknown where exactly half did (``majority``), where ``any`` or where ``all`` did.
        labels_column: Name of the control tag, such as ``choice``, where several occur.
        image_folder: Where images are looked for instead of beside the file, from its folder on.
        unannotated: Images without an annotation: ``drop`` leaves them out, ``drop_train`` likewise but for those
            whose data says ``val`` or ``test``, ``keep`` counts them as images without labels.
        label_names: Names that are labels even where nobody chose them.

    Returns:
        Images in the order of the file; labels are those that were chosen, sorted. ``split`` in a task's data is its
        split where all tasks have one; otherwise all is ``train``.

    Raises:
        DataError: The file is no such export or malformed, or all images are missing.

    Source: labelstud.io/guide/export, "Label Studio JSON format of annotated tasks" and "JSON_MIN".
    """
    for name, value, choices in (("annotators", annotators, Annotators), ("unannotated", unannotated, Unannotated)):
        if value not in get_args(choices):
            raise DataError(f"expected {name} to be one of {', '.join(get_args(choices))}, got {value!r}")
    content = read_json(file)
    try:
        tasks = tasks_of(content)
        _choose_control(tasks, labels_column)
        found, notes = _collected(file, image_root(file, image_folder), tasks, annotators, unannotated)
    except DataError as error:
        raise DataError(str(error), path=file) from None
    hint = "; --data.image_folder says where they are"
    return found.manifest(file.stem, label_names=label_names, notes=notes, hint=hint)


def _choose_control(tasks: list[Task], wanted: str | None) -> None:
    """Keep what one control tag says; a project may have several."""
    names = Counter(name for task in tasks for annotation in task.annotations for name in annotation)
    if wanted is None and len(names) > 1:
        came = " and ".join(f"{quoted(name)} ({count} times)" for name, count in sorted(names.items()))
        raise DataError(f"expected labels of one control tag, got {came}: say --data.labels_column {min(names)}")
    if wanted is not None and wanted not in names:
        came = ", ".join(map(quoted, sorted(names))) or "none"
        raise DataError(f"expected labels of the control tag {quoted(wanted)} (data.labels_column), got {came}")
    name = wanted if wanted is not None else next(iter(names), "")
    for task in tasks:
        task.votes = [annotation.get(name, set()) for annotation in task.annotations]


def _collected(
    file: Path, root: Path, tasks: list[Task], annotators: Annotators, unannotated: Unannotated
) -> tuple[Collector, list[str]]:
    finder = ImageFinder(root, folders=("", "images", "data", "media", "upload"))
    found, without, several = Collector(root, file), 0, 0
    has_splits = all(task.split for task in tasks)
    for task in tasks:
        split = parse_split(task.split) if has_splits else "train"
        without += not task.votes
        if not task.votes and (unannotated == "drop" or (unannotated == "drop_train" and split == "train")):
            continue
        several += len(task.votes) > 1
        positive, unknown = _joined(task.votes, annotators)
        try:
            found.add(finder.path(task.link), positive, unknown=unknown, split=split)
        except DataError as error:
            raise DataError(f"task {task.identifier}: {error}") from None
    return found, _notes(without, several, len(tasks), annotators, unannotated)


def _joined(votes: list[set[str]], annotators: Annotators) -> tuple[set[str], set[str]]:
    """Labels that annotations say together, and those of which they say nothing."""
    counts = Counter(label for vote in votes for label in vote)
    if annotators == "any":
        return set(counts), set()
    if annotators == "all":
        return {label for label, count in counts.items() if count == len(votes)}, set()
    more = {label for label, count in counts.items() if 2 * count > len(votes)}
    return more, {label for label, count in counts.items() if 2 * count == len(votes)}


def _notes(without: int, several: int, count: int, annotators: Annotators, unannotated: Unannotated) -> list[Any]:
    notes = []
    if without:
        done = "count as images without labels" if unannotated == "keep" else "are left out"
        notes.append(f"{without} of {count} tasks have no annotation and {done} (--data.unannotated {unannotated})")
    if several:
        what = {
            "majority": "a label is positive where more than half chose it, unknown where half did",
            "any": "a label is positive where anybody chose it",
            "all": "a label is positive where everybody chose it",
        }[annotators]
        notes.append(f"{several} of {count} tasks have several annotations: {what} (--data.annotators {annotators})")
    return notes
