"""Files that are whole or absent, whenever the process ends."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write_whole(path: Path, text: str) -> None:
    """Write UTF-8 text to a file beside the wanted one, then put it in its place."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write an object as indented JSON."""
    write_whole(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
