"""Versions and devices that a run was made with."""

from __future__ import annotations

import platform
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

import lopsided
from lopsided.runs.formats import FORMAT

_PACKAGES = (
    *("torch", "pytorch-lightning", "numpy", "scipy", "scikit-learn", "pyarrow", "timm", "pillow"),
    *("transformers", "tokenizers"),
)


def environment() -> dict[str, Any]:
    """Versions and devices that a run was made with."""
    packages = {"lopsided": lopsided.__version__}
    for name in _PACKAGES:
        with suppress(PackageNotFoundError):
            packages[name] = version(name)
    return {
        "format": FORMAT,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": packages,
        "devices": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] or ["cpu"],
        "threads": torch.get_num_threads(),
        "command": sys.argv,
    }
