"""Text files that are whole or absent, whenever the process ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lopsided.files.whole import whole


def write_whole(path: Path, content: str | bytes) -> None:
    """Write text, as UTF-8, or bytes to a file beside the wanted one, then put it in its place."""
    with whole(path) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write an object as indented JSON."""
    write_whole(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
