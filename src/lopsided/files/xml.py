"""XML files, read without ever expanding what they declare."""

from collections.abc import Callable
from pathlib import Path
from xml.parsers import expat

from lopsided.files.errors import DataError
from lopsided.files.regular import read_bytes


def parse_xml(
    path: Path,
    *,
    start: Callable[[str, dict[str, str]], None],
    end: Callable[[str], None],
    text: Callable[[str], None],
) -> None:
    """Hand the parts of a document to functions, in its order.

    A document type or entity declaration is refused before anything in it is expanded, so that a small file cannot grow
    into gigabytes or read others.

    Args:
        path: The file.
        start: Called at the start of an element with its name, without a namespace, and its attributes.
        end: Called at its end with its name.
        text: Called with text between; of one element it may come in parts.

    Raises:
        DataError: The file cannot be read, is malformed, declares entities, or one of the functions refuses it.
    """
    content = read_bytes(path)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = lambda name, attributes: start(name.rpartition(" ")[2], attributes)
    parser.EndElementHandler = lambda name: end(name.rpartition(" ")[2])
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    try:
        parser.Parse(content, True)
    except DataError as error:
        raise DataError(str(error), path=path, line=parser.CurrentLineNumber) from None
    except expat.ExpatError as error:
        raise DataError(f"expected XML, got {expat.ErrorString(error.code)}", path=path, line=error.lineno) from error
    except (LookupError, ValueError) as error:  # an encoding that Python does not have
        raise DataError(f"cannot be decoded: {error}", path=path) from error


def _refuse(*_: object) -> None:
    raise DataError("document type declarations are refused, got one")
