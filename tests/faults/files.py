"""Whether what lies in a folder is whole, and whether two folders hold the same."""

import contextlib
import csv
import json
import sqlite3
import struct
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
import yaml

UNFINISHED = ".part"
"""What the name of a file ends in that is being written."""


def parts(folder):
    """Unfinished files."""
    return [path for path in Path(folder).rglob("*") if path.name.endswith(UNFINISHED)]


def assert_whole(folder):
    """Every file that has its name can be read to the end."""
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file() and not any(name.endswith(UNFINISHED) for name in path.relative_to(folder).parts):
            try:
                _read(path)
            except Exception as error:
                raise AssertionError(f"{path.relative_to(folder)} is broken: {error!r}") from error


def _read(path):
    if ".tfevents." in path.name:
        _read_events(path)
    elif path.suffix in (".csv", ".json", ".yaml", ".html", ".svg"):
        _read_text(path.suffix, path.read_text(encoding="utf-8"))
    elif path.suffix not in (".lock", ".db-journal"):
        _read_binary(path)


def _read_text(suffix, text):
    match suffix:
        case ".csv":
            assert text.endswith("\n"), f"its last line is {text[-80:]!r}"
            assert len({len(row) for row in csv.reader(text.splitlines())}) == 1
        case ".json":
            json.loads(text)
        case ".yaml":
            assert yaml.safe_load(text)
        case ".html":
            assert text.rstrip().endswith("</html>")
        case ".svg":
            ElementTree.fromstring(text)


def _read_binary(path):
    match path.suffix:
        case ".parquet":
            pq.read_table(path)
        case ".ckpt":
            torch.load(path, weights_only=True)
        case ".npz":
            with np.load(path) as arrays:
                assert all(arrays[name] is not None for name in arrays)
        case ".db":
            with contextlib.closing(sqlite3.connect(path)) as study:
                assert study.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        case ".png":
            assert b"IEND" in path.read_bytes()[-12:]
        case _:
            raise AssertionError("nobody knows what it is")


def _read_events(path):
    """TensorBoard's log: records with their lengths. The last may be cut, as every reader of such logs expects."""
    content, at = path.read_bytes(), 0
    while at + 12 <= len(content):
        (length,) = struct.unpack_from("<Q", content, at)
        assert length < 2**20
        at += 16 + length


def contents(folder):
    """What must be the same however often a verb was killed: all but times, and paths of the folder."""
    found = {}
    for path in sorted(Path(folder).rglob("*")):
        name = str(path.relative_to(folder))
        match path.suffix:
            case ".ckpt":
                checkpoint = torch.load(path, weights_only=True)
                found[name] = {key: _plain(checkpoint[key]) for key in checkpoint if key not in ("callbacks", "loops")}
            case ".parquet":
                table = pq.read_table(path)
                found[name] = [
                    repr(row) for row in table.drop_columns(set(table.column_names) & {"seconds"}).to_pylist()
                ]
            case ".csv" | ".svg":
                found[name] = path.read_bytes()
            case ".yaml":
                found[name] = yaml.safe_load(path.read_text(encoding="utf-8"))
        if path.parent.name == "preparation":
            found[name] = _plain(dict(np.load(path))) if path.suffix == ".npz" else path.read_bytes()
    return found


def _plain(value):
    """Nested values that == compares bit by bit."""
    if isinstance(value, torch.Tensor):
        return str(value.dtype), tuple(value.shape), value.contiguous().numpy().tobytes()
    if isinstance(value, np.ndarray):
        return str(value.dtype), value.shape, value.tobytes()
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value
