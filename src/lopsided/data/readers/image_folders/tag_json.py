"""JSON files of labels beside images."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lopsided.data.cell_values import one_form
from lopsided.data.readers.image_folders.tag_text import tags_in_text
from lopsided.files.errors import DataError, quoted

_MEMBERS = ("labels", "tags", "label", "tag", "categories", "classes", "keywords", "flags", "shapes")


def choose_member(objects: Mapping[Path, Any], wanted: str | None) -> str | None:
    """The member that holds the labels in all JSON objects; None where none of them has any.

    Args:
        objects: The contents of files by their paths.
        wanted: What the user says; otherwise it is the one of the usual names that is not empty somewhere.

    Raises:
        DataError: There are several such names, none at all, or a file holds neither an object nor a list.
    """
    found: dict[str, Path] = {}
    for path, content in objects.items():
        if not isinstance(content, dict | list):
            raise DataError(f"expected a list of labels, or an object, got {quoted(content)}", path=path)
        if isinstance(content, dict):
            names = [name for name in _MEMBERS if name in content] if wanted is None else [wanted]
            if not names or any(name not in content for name in names):
                came = quoted(", ".join(content))
                raise DataError(f"expected a member {wanted or 'labels or tags'!r}, got only {came}", path=path)
            for name in names:
                if content[name] or len(names) == 1:
                    found.setdefault(name, path)
    if wanted is None and len(found) > 1:
        came = " and ".join(f"{quoted(name)} in {path.name}" for name, path in list(found.items())[:3])
        raise DataError(
            f"expected one member that holds labels, got {came}: say --data.labels_column {next(iter(found))}",
            path=next(iter(found.values())),
        )
    return wanted if wanted is not None else next(iter(found), None)


def labels_in_json(content: Any, member: str | None, separator: str | None) -> tuple[list[str], list[str]]:
    """Labels that are positive, and those of which nobody knows.

    Args:
        content: A list of names, or an object.
        member: Which of an object's members holds the labels: a list of names or of objects with a ``label``, a text,
            or an object of names with true, false or null.
        separator: What joins names in a text; None where nobody said, in which case a text is one name.

    Raises:
        DataError: The content is something else.

    Example:
        >>> labels_in_json({"labels": {"cat": True, "dog": False, "cow": None}}, "labels", None)
        (['cat'], ['cow'])
    """
    value = content.get(member, []) if isinstance(content, dict) and member is not None else content
    if isinstance(content, dict) and member is None:
        return [], []
    if value is None:
        return [], []
    if isinstance(value, dict):
        if wrong := [name for name, flag in value.items() if flag not in (True, False, None) or not one_form(name)]:
            came = f"{quoted(value[wrong[0]])} for {quoted(wrong[0])}"
            raise DataError(f"expected true, false or null for each label, got {came}")
        return [name for name, flag in value.items() if flag], [name for name, flag in value.items() if flag is None]
    if isinstance(value, str):
        return _of_text(value, separator), []
    if not isinstance(value, list):
        raise DataError(f"expected names of labels, got {quoted(value)}")
    return [_name(each) for each in value], []


def _of_text(text: str, separator: str | None) -> list[str]:
    if separator is None and any(sign in text.strip() for sign in ",;|\t\n "):
        raise DataError(
            f"expected a list of names, got the text {quoted(text)}: say by --data.separator what joins names in it "
            r"('\n': nothing does)"
        )
    return tags_in_text(text, separator or "\n")


def _name(value: Any) -> str:
    name = value.get("label", value.get("name")) if isinstance(value, dict) else value
    if not isinstance(name, str) or not one_form(name):
        raise DataError(f"expected names of labels, got {quoted(value)}")
    return name
