"""Names of backbones, which timm knows."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from lopsided.files.errors import did_you_mean


def check_name(name: str, *, others: Sequence[str]) -> None:
    """Refuse a name that timm does not know, if timm is installed. Importing timm takes seconds.

    Args:
        name: With or without the tag of its weights, such as ``resnet50`` or ``resnet50.a1_in1k``.
        others: Other names that are right, for the error.

    Raises:
        ValueError: There is no such network; the message names the nearest.
    """
    try:
        timm = import_timm()
    except ModuleNotFoundError:
        return  # building the network says so; that may happen on another machine, which has timm
    if timm.is_model(name) and ("." not in name or name in timm.list_pretrained()):
        return
    known = [*others, *(timm.list_pretrained() if "." in name else timm.list_models())]
    raise ValueError(
        f"expected model.name to be one of {', '.join(others)} or a backbone of timm, "
        f"got {name!r}{did_you_mean(name, known)}"
    )


def import_timm() -> Any:
    """timm, whose import takes seconds.

    Raises:
        ModuleNotFoundError: It cannot be imported; the message says how to install it.
    """
    try:
        return import_module("timm")
    except (ImportError, RuntimeError) as error:  # a torchvision that does not fit torch raises the second
        raise ModuleNotFoundError(
            f'backbones need timm, which cannot be imported here ({error}): pip install "lopsided[vision]"'
        ) from error
