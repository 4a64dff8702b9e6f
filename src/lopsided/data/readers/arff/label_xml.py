"""The XML file of a Mulan data set, which says which attributes are labels."""

from pathlib import Path

from lopsided.files.errors import DataError
from lopsided.files.xml import parse_xml


def read_label_names(path: str | Path) -> tuple[str, ...]:
    """Names of all ``<label name="...">`` elements, nested ones too, in the order of the document.

    Args:
        path: The XML file; entities are refused, see ``parse_xml``.

    Returns:
        At least one name.

    Raises:
        DataError: The file is missing, malformed, declares entities or names no label.
    """
    names: list[str] = []

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag == "label":
            if "name" not in attributes:
                raise DataError("expected a name on each <label>, got none")
            names.append(attributes["name"])

    parse_xml(Path(path), start=start, end=lambda _: None, text=lambda _: None)
    if not names:
        raise DataError('expected <label name="..."> elements, got none', path=path)
    return tuple(names)
