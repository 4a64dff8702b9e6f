"""The tasks in an export of Label Studio, in either of its forms."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lopsided.data.cell_values import one_form
from lopsided.data.images.files import IMAGE_SUFFIXES
from lopsided.files.errors import DataError, quoted

_OF_IMAGES = ("image", "img", "image_url", "photo", "picture", "url", "file", "path", "ocr")
_ABOUT = ("id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "split")  # of JSON_MIN


@dataclass
class Task:
    """An image and what people said of it.

    Args:
        identifier: The task's, for errors.
        link: Where Label Studio found the image.
        split: What its data says under ``split``, or nothing.
        annotations: For each annotation that counts, the name of each control tag to the labels chosen there.
        votes: For each of them the labels of the one control tag that was chosen to be read.
    """

    identifier: object
    link: str
    split: str
    annotations: list[dict[str, set[str]]]
    votes: list[set[str]] = field(default_factory=list)


def tasks_of(content: Any) -> list[Task]:
    """The tasks of an export, each image once.

    Raises:
        DataError: The content is no export of images; the message names the task.
    """
    entries = content if isinstance(content, list) else [content]
    if not entries or not all(isinstance(entry, dict) for entry in entries):
        came = quoted(next((entry for entry in entries if not isinstance(entry, dict)), content))
        raise DataError(f"expected an export of Label Studio, a list of tasks, got {came}")
    full = [any(key in entry for key in ("data", "annotations", "completions")) for entry in entries]
    if any(full) != all(full):
        raise DataError("expected tasks of one form, JSON or JSON_MIN, got both")
    tasks: dict[str, Task] = {}
    for i, entry in enumerate(entries):
        identifier = entry.get("id", f"number {i} (from 0)")
        try:
            task = _of_json(identifier, entry) if full[0] else _of_json_min(identifier, entry)
        except DataError as error:
            raise DataError(f"task {quoted(identifier)}: {error}") from None
        if task.link not in tasks:
            tasks[task.link] = task
        elif tasks[task.link].identifier == identifier and not full[0]:  # JSON_MIN lists each annotation by itself
            tasks[task.link].annotations.extend(task.annotations)
        else:
            came = f"{quoted(task.link)} in {quoted(tasks[task.link].identifier)} and in {quoted(identifier)}"
            raise DataError(f"expected each image in one task, got {came}")
    return list(tasks.values())


def _of_json(identifier: object, entry: dict[str, Any]) -> Task:
    data = entry.get("data")
    if not isinstance(data, dict):
        raise DataError(f"expected data, an object with the link of an image, got {quoted(data)}")
    annotations = entry.get("annotations", entry.get("completions"))  # the second: before version 1.0
    if annotations is None:
        annotations = []
    if not isinstance(annotations, list) or not all(isinstance(each, dict) for each in annotations):
        raise DataError(f"expected annotations, a list of objects, got {quoted(annotations)}")
    counted = [each for each in annotations if each.get("was_cancelled") is not True]
    counted = [each for each in counted if each.get("ground_truth") is True] or counted
    results = [_results(each.get("result")) for each in counted]
    return Task(identifier, _link(data), _split(data), [_chosen(result) for result in results])


def _results(result: Any) -> list[dict[str, Any]]:
    if not isinstance(result, list) or not all(isinstance(item, dict) for item in result):
        raise DataError(f"expected the result of an annotation, a list of objects, got {quoted(result)}")
    return result


def _chosen(result: list[dict[str, Any]]) -> dict[str, set[str]]:
    """The labels of each control tag; regions and relations without labels say nothing."""
    found: dict[str, set[str]] = {}
    for item in result:
        kind, value = item.get("type"), item.get("value")
        if kind in ("relation", None) or not isinstance(value, dict) or kind not in value:
            continue
        if kind in ("choices", "taxonomy") or (isinstance(kind, str) and kind.endswith("labels")):
            names = found.setdefault(str(item.get("from_name", kind)), set())
            names.update(_names(value[kind], is_tree=kind == "taxonomy"))
    return found


def _names(value: Any, *, is_tree: bool = False) -> Iterator[str]:
    """Names in a list; in a taxonomy each is a list from the root to the choice."""
    for name in value if isinstance(value, list) else [value]:
        if is_tree and isinstance(name, list) and all(isinstance(part, str) for part in name):
            name = " / ".join(name)
        if not isinstance(name, str) or not one_form(name):
            raise DataError(f"expected names of labels, got {quoted(name)}")
        yield one_form(name)


def _of_json_min(identifier: object, entry: dict[str, Any]) -> Task:
    link = _link(entry)
    said: dict[str, set[str]] = {}
    for name, value in entry.items():
        if name in _ABOUT or value == link:
            continue
        if isinstance(value, dict) and isinstance(value.get("choices"), list):
            said[name] = set(_names(value["choices"]))
        elif isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
            regions = [label for each in value for key in each if key.endswith("labels") for label in _names(each[key])]
            if regions:
                said[name] = set(regions)
        elif isinstance(value, str) and value.strip() and not _is_link(value):
            said[name] = {one_form(value)}
    return Task(identifier, link, _split(entry), [said])


def _link(data: dict[str, Any]) -> str:
    """The link of the image: the one member that is called like one, or the one whose value ends like an image."""
    texts = {name: value for name, value in data.items() if isinstance(value, str) and value.strip()}
    named = [name for name in _OF_IMAGES if name in texts]
    named = named[:1] or [name for name, value in texts.items() if _is_link(value)]
    if len(named) == 1:
        return texts[named[0]]
    came = "none" if not named else " and ".join(map(quoted, named))
    if not named and "text" in texts:
        came = "a text"
    raise DataError(f"expected the link of one image, such as data.image, got {came}")


def _is_link(value: str) -> bool:
    return value.partition("?")[0].lower().endswith(IMAGE_SUFFIXES) or value.lower().endswith(IMAGE_SUFFIXES)


def _split(data: dict[str, Any]) -> str:
    value = data.get("split")
    return value.strip() if isinstance(value, str) else ""
