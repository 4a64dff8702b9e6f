"""Small data sets in layouts of others: files to write, and what was read from them."""

import json
from pathlib import Path


def write(folder: Path, files: dict[str, object]) -> Path:
    """Files by their paths: texts and bytes as they are, anything else as JSON."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return folder


def touch(folder: Path, *names: str) -> Path:
    """Files that are there and empty."""
    return write(folder, dict.fromkeys(names, ""))


def read(manifest) -> dict[str, tuple]:
    """For each path its split and its labels, unknown ones with a question mark."""
    names = manifest.labels.names
    targets, mask = manifest.labels.dense(range(len(manifest)))
    return {
        str(path): (
            str(split),
            [
                name if targets[row, i] else f"{name}?"
                for i, name in enumerate(names)
                if targets[row, i] or (mask is not None and not mask[row, i])
            ],
        )
        for row, (path, split) in enumerate(zip(manifest.paths, manifest.splits, strict=True))
    }
