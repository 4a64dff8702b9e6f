"""Networks of transformers from their configuration, with trained weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from lopsided.files.errors import DataError, quoted
from lopsided.models.images.weights import read_tensors
from lopsided.models.texts.files import encoder_files
from lopsided.models.texts.network import Encoder

_OLD_NAMES = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}


def encoder(
    name: str, config: Mapping[str, Any], *, pooling: str, pretrained: bool, weights: str | None = None
) -> Encoder:
    """The encoder that a configuration describes.

    Args:
        name: Where its weights are, see :func:`lopsided.models.texts.files.encoder_files`.
        config: What its ``config.json`` holds; nothing that it names is executed, but classes of transformers.
        pooling: ``mean`` or ``first``.
        pretrained: Load its weights; without them they are random.
        weights: Folder with other weights for it, such as of an encoder that was trained before.

    Raises:
        ModuleNotFoundError: transformers is not installed.
        DataError: transformers has no such network, or the weights do not fit it.
    """
    network = _network(name, config)
    size = getattr(network.config, "hidden_size", None)
    if not isinstance(size, int):
        raise DataError(f"expected config.json of {name} to say its hidden_size, got {quoted(size)}")
    if pretrained:
        _load(network, _weights_in(weights) if weights else encoder_files(name) / "model.safetensors")
    return Encoder(network, name=name, pooling=pooling, num_features=size)


def _network(name: str, config: Mapping[str, Any]) -> Any:
    try:
        from transformers import CONFIG_MAPPING, AutoModel
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f'{name} needs transformers: pip install "lopsided[text]"') from error
    kind = config["model_type"]
    if kind not in CONFIG_MAPPING:
        raise DataError(f"expected a model_type that transformers knows, got {quoted(kind)} in config.json of {name}")
    plain = {key: value for key, value in config.items() if key not in ("model_type", "auto_map", "architectures")}
    try:
        described = CONFIG_MAPPING[kind](**plain)
        if described.is_encoder_decoder:
            raise DataError(f"expected an encoder, got {kind}, an encoder with a decoder, in config.json of {name}")
        network: Any = AutoModel.from_config(described)
    except DataError:
        raise
    except NotImplementedError:  # for want of values: weights without memory are asked for
        raise
    except Exception as error:  # what a configuration makes transformers do may fail anywhere
        raise DataError(f"expected config.json of {name} to describe a network, got {quoted(str(error))}") from error
    if getattr(network, "pooler", None) is not None:  # made for another purpose, and never trained here
        network.pooler = None
    return network


def _weights_in(folder: str) -> Path:
    path = Path(folder).expanduser() / "model.safetensors"
    if not path.is_file():
        raise DataError(
            f"expected model.weights of a text encoder to be a folder with {path.name}, got {quoted(folder)}"
        )
    return path


def _load(network: Any, path: Path) -> None:
    wanted: dict[str, Tensor] = network.state_dict()
    prefix = f"{network.base_model_prefix}."
    found = {}
    for name, tensor in read_tensors(path).items():
        for old, new in _OLD_NAMES.items():
            name = name.removesuffix(old) + new if name.endswith(old) else name
        found[name.removeprefix(prefix)] = tensor
    lacking = [name for name in wanted if name not in found or found[name].shape != wanted[name].shape]
    if lacking:
        raise DataError(
            f"expected the {len(wanted)} tensors of the network that config.json describes, got "
            f"{len(wanted) - len(lacking)}; without {', '.join(lacking[:3])}",
            path=path,
        )
    network.load_state_dict({name: found[name].to(wanted[name].dtype) for name in wanted})
