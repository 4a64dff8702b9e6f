"""Which preparation a network needs, and how it comes back from the folder of a run."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from lopsided.data import Data, DataError
from lopsided.data.derived.preparation import Preparation
from lopsided.data.texts.tfidf import fit_tfidf, load_tfidf
from lopsided.data.texts.tokens import TokenPreparation
from lopsided.models import ModelOptions
from lopsided.models.options import BUILT_IN, ON_COUNTS
from lopsided.models.texts.files import encoder_files, longest, read_encoder
from lopsided.runs.reading import read_json, read_text

_FILE = "preparation.json"


def fit_preparation(options: ModelOptions, data: Data) -> Preparation | None:
    """What turns the data into inputs of the network that the options name; None where it takes the data as it is.

    Args:
        options: The network.
        data: The data; only its training split decides.

    Raises:
        ValueError: The network does not take such data, or its files are not there.
    """
    if data.inputs().kind != "texts":
        return None
    if options.name in ON_COUNTS:
        return fit_tfidf(data)
    if options.name in BUILT_IN:
        raise DataError(
            f"expected model.name to be tfidf, mlp or a text encoder such as all-minilm-l6-v2 for texts, "
            f"got {options.name}"
        )
    files = encoder_files(options.name)
    encoder = read_encoder(files)
    most, wanted = longest(encoder), options.max_length
    if wanted is not None and wanted > most:
        raise DataError(f"expected model.max_length to be at most {most} tokens for {options.name}, got {wanted}")
    return TokenPreparation(read_text(files / "tokenizer.json"), encoder, wanted or min(most, 256))


def save_preparation(preparation: Preparation, folder: Path) -> None:
    """Write it to a folder of that name, in place of what was there.

    Args:
        preparation: What was fitted.
        folder: Where; whole or, after a kill, absent.
    """
    part = folder.with_name(folder.name + ".part")
    for old in (part, folder):
        if old.is_dir():
            shutil.rmtree(old)
    part.mkdir(parents=True)
    preparation.save(part)
    part.rename(folder)


def load_preparation(folder: Path, about: dict[str, Any] | None) -> Preparation | None:
    """What :func:`save_preparation` wrote; nothing in it is executed.

    Args:
        folder: The folder.
        about: What the checkpoint says of it (:func:`about_preparation`); None where the run has none.

    Raises:
        ValueError: It is lost, damaged, or another than the checkpoint was made with.
    """
    if about is None:
        return None
    if not (folder / _FILE).is_file():
        raise DataError(f"expected what prepares texts for the network, got no {_FILE}", path=folder)
    content = read_json(folder / _FILE)
    if (kind := content.get("kind")) != about.get("kind"):
        raise DataError(f"expected a preparation of the kind {about.get('kind')!r:.40}, got {kind!r:.40}", path=folder)
    found = _loaded(folder, content)
    if found.digest != about.get("digest"):
        raise DataError("expected the preparation that the checkpoint was made with, got another", path=folder)
    return found


def about_preparation(preparation: Preparation | None) -> dict[str, Any]:
    """What a checkpoint keeps of it, by which the files are known again."""
    if preparation is None:
        return {}
    return {"preparation": {"kind": preparation.kind, "digest": preparation.digest}}


def _loaded(folder: Path, content: dict[str, Any]) -> Preparation:
    match content["kind"]:
        case "tokens":
            max_length = content.get("max_length")
            if type(max_length) is not int or max_length < 3:
                raise DataError(f"expected max_length to be at least 3, got {max_length!r:.40}", path=folder / _FILE)
            return TokenPreparation(read_text(folder / "tokenizer.json"), read_json(folder / "config.json"), max_length)
        case "tfidf":
            return load_tfidf(folder, content)
        case kind:
            raise DataError(f"expected a preparation that this version knows, got {kind!r:.40}", path=folder)
