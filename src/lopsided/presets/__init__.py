"""Configurations ready to train with, each a YAML file of options: ``lopsided train SOURCE --config NAME``."""

from __future__ import annotations

from pathlib import Path

from lopsided.files.errors import did_you_mean

__all__ = ["preset_file", "preset_names"]

_FOLDER = Path(__file__).parent


def preset_names() -> list[str]:
    """Names of all presets, sorted."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def preset_file(name: str) -> Path:
    """The file of a preset.

    Args:
        name: Such as ``coco-tresnet-l``.

    Raises:
        ValueError: There is none of that name; the message names the nearest, or all.

    >>> preset_file("coco-tresnet-l").name
    'coco-tresnet-l.yaml'
    """
    names = preset_names()
    if name in names:
        return _FOLDER / f"{name}.yaml"
    hint = did_you_mean(name, names) or f"; presets are {', '.join(names)}"
    raise ValueError(f"expected --config to be a file or a preset, got {name!r}{hint}")
