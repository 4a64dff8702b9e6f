"""The files of a run, which may come from a stranger: nothing in them is executed, and what is wrong is one line."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import yaml

from lopsided.files.errors import DataError
from lopsided.files.regular import check_regular, read_bytes

MAX_TEXT = 256 * 2**20
"""Bytes of the largest JSON or CSV file of a run; those of ten thousand labels have some megabytes."""

MAX_SETTINGS = 2**20
"""Bytes of the largest YAML file."""

MAX_NESTING = 8
"""Levels of the deepest YAML file; a configuration has two."""


def read_text(path: Path, *, at_most: int = MAX_TEXT) -> str:
    """A file of text in UTF-8.

    Raises:
        ValueError: It cannot be read, has more than ``at_most`` bytes, or holds other bytes than text.
    """
    try:
        return read_bytes(path, at_most=at_most).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"expected text in UTF-8, got the byte {error.object[error.start]:#04x}", path=path) from None


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        ValueError: It cannot be read, or holds something else.
    """
    text = read_text(path)
    try:
        content = json.loads(text)
    except RecursionError:
        raise DataError("expected a JSON object, got lists in lists without end", path=path) from None
    except ValueError as error:
        raise DataError(f"expected a JSON object, got {error!s:.100}", path=path) from None
    if not isinstance(content, dict):
        raise DataError(f"expected a JSON object, got {type(content).__name__}", path=path)
    return content


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file, which holds plain values only.

    Tags of other types are refused, and so are references (``*name``), by which a page of text grows into gigabytes.

    Raises:
        ValueError: It cannot be read, is larger or deeper than any configuration, or holds something else.
    """
    text = read_text(path, at_most=MAX_SETTINGS)
    try:
        _check_events(text)
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        line = None if mark is None else mark.line + 1
        raise DataError(
            f"expected YAML, got {problem or 'a character that may not stand there'}", path=path, line=line
        ) from None
    except ValueError as error:  # such as a month of 13
        raise DataError(f"expected YAML, got {error!s:.100}", path=path) from None
    if not isinstance(content, dict):
        raise DataError(f"expected a YAML mapping of options, got {_kind(content)}", path=path)
    return content


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The dictionary in a checkpoint, on the CPU; only tensors and plain values are loaded.

    Raises:
        ValueError: It cannot be read, is no checkpoint, or holds what would have to be executed.
    """
    import torch  # not for those who read a configuration alone

    from lopsided.models.images.weights import PackedWeights, check_stored

    check_regular(path)
    try:
        check_stored(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about files that are refused
            content = torch.load(path, map_location="cpu", weights_only=True)
    except PackedWeights:
        raise
    except Exception:  # a damaged file may fail anywhere, and PyTorch's words tell to load it all the same
        content = None
    if not isinstance(content, dict):
        raise DataError("expected a checkpoint that loads without executing code, got another file", path=path)
    return content


def _kind(content: Any) -> str:
    return "nothing" if content is None else type(content).__name__


def _check_events(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem=f"a reference *{event.anchor:.20}", problem_mark=event.start_mark)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_NESTING:
            raise yaml.MarkedYAMLError(problem=f"more than {MAX_NESTING} levels", problem_mark=event.start_mark)
