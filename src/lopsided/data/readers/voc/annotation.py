"""The XML file of one image of PASCAL VOC, which says what is in it."""

from pathlib import Path

from lopsided.data.cell_values import one_form
from lopsided.files.errors import DataError, quoted
from lopsided.files.xml import parse_xml

_DIFFICULT = {"": False, "0": False, "1": True}


def read_objects(path: Path) -> dict[str, bool]:
    """Read the names of the objects in an image.

    Args:
        path: The file; ``<difficult>`` may be left out, and the parts of objects do not count.

    Returns:
        Name to whether all objects of that name are marked as difficult to recognise, in the order of the document.

    Raises:
        DataError: The file cannot be read, is malformed, is not about one image, or an object has no name.
    """
    reader = _Reader()
    parse_xml(path, start=reader.start, end=reader.end, text=reader.text)
    return reader.objects


class _Reader:
    """Gathers ``annotation/object/name`` and ``annotation/object/difficult``; parts of objects have names too."""

    def __init__(self) -> None:
        self.objects: dict[str, bool] = {}
        self._open: list[str] = []
        self._fields: dict[str, str] = {}
        self._parts: list[str] = []

    def start(self, name: str, _: dict[str, str]) -> None:
        if not self._open and name != "annotation":
            raise DataError(f"expected <annotation> first, got {quoted(name)}")
        self._open.append(name)
        self._parts.clear()
        if len(self._open) == 2:
            self._fields = {}

    def text(self, part: str) -> None:
        self._parts.append(part)

    def end(self, name: str) -> None:
        if len(self._open) == 3 and self._open[1] == "object":
            self._fields[name] = "".join(self._parts).strip()
        elif self._open == ["annotation", "object"]:
            self._add()
        self._open.pop()

    def _add(self) -> None:
        name, difficult = self._fields.get("name", ""), self._fields.get("difficult", "")
        if not name:
            raise DataError("expected a <name> in each <object>, got none")
        if difficult not in _DIFFICULT:
            raise DataError(f"expected 0 or 1 as <difficult>, got {quoted(difficult)}")
        name = one_form(name)
        self.objects[name] = self.objects.get(name, True) and _DIFFICULT[difficult]
