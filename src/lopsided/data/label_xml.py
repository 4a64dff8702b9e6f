"""The XML file of a Mulan data set, which says which attributes are labels."""

from pathlib import Path
from xml.parsers import expat

from lopsided.data.errors import DataError


def read_label_names(path: str | Path) -> tuple[str, ...]:
    """Names of all ``<label name="...">`` elements, nested ones too, in the order of the document.

    Args:
        path: The XML file. A document type or entity declaration is refused before anything in it is expanded, so that
            a small file cannot grow into gigabytes or read others.

    Returns:
        At least one name.

    Raises:
        DataError: The file is missing, malformed, declares entities or names no label.
    """
    try:
        names = _parse(path, Path(path).read_bytes())
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path=path) from error
    if not names:
        raise DataError('wanted <label name="..."> elements, got none', path=path)
    return tuple(names)


def _parse(path: str | Path, content: bytes) -> list[str]:
    names: list[str] = []
    parser = expat.ParserCreate(namespace_separator=" ")

    def start(tag: str, attributes: dict[str, str]) -> None:
        if tag.rpartition(" ")[2] == "label":
            if "name" not in attributes:
                raise DataError("wanted a name on each <label>, got none", path=path, line=parser.CurrentLineNumber)
            names.append(attributes["name"])

    def refuse(*_: object) -> None:
        raise DataError("document type declarations are refused, got one", path=path, line=parser.CurrentLineNumber)

    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(content, True)
    except DataError:
        raise
    except expat.ExpatError as error:
        raise DataError(f"wanted XML, got {expat.ErrorString(error.code)}", path=path, line=error.lineno) from error
    except (LookupError, ValueError) as error:  # an encoding that Python does not have
        raise DataError(f"cannot be decoded: {error}", path=path) from error
    return names
