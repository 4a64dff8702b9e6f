"""A trained network as a folder that other libraries load, with its labels, thresholds and a model card."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import lopsided
from lopsided.files.whole import folder_for, whole
from lopsided.inference.exports.card import counts_of_labels, tags, thresholds
from lopsided.inference.exports.encoder_folder import EncoderFolder
from lopsided.inference.exports.onnx_file import export
from lopsided.inference.exports.timm_folder import TimmFolder
from lopsided.inference.thresholds import decision_of
from lopsided.models import TextNetwork
from lopsided.runs.folder import RunFolder

__all__ = ["Published", "push", "write_hub_folder"]


@dataclass(frozen=True)
class Published:
    """What was written, and how close the logits of the other library are."""

    path: Path
    files: tuple[str, ...]
    architecture: str  # as the library calls it
    largest_difference: float  # of a logit of random inputs, between the library's network and the run's
    counted_on: str  # where the counts of tags are from, or why there are none, in words
    load: str  # the line of Python that loads it


def write_hub_folder(run: RunFolder, out: Path, *, threshold: float | None = None, with_onnx: bool = True) -> Published:
    """Write the best averaged weights as ``timm.create_model("local-dir:FOLDER", pretrained=True)`` reads them, or of
    a text encoder as ``transformers.AutoModelForTokenClassification.from_pretrained("FOLDER")`` does.

    The folder holds ``model.safetensors`` and ``config.json`` of that library, ``selected_tags.csv`` and
    ``thresholds.csv`` as programs that tag pictures read them, ``README.md`` as a model card, and ``model.onnx``; of a
    text encoder its tokeniser. The library's network gives logits, of a text encoder one row for each token, whose mean
    or first is that of the text; the lines that make it are in the card, and so is what makes logits probabilities.

    Args:
        run: A run whose network is a backbone of timm with a linear head, or a text encoder.
        out: The folder, which must be absent or empty; whole or absent.
        threshold: Probability above which a label is predicted, in [0, 1]; by default those that were chosen for the
            run, else 0.5.
        with_onnx: Whether an ONNX file lies beside the weights, as :func:`lopsided.inference.export.export` writes it.

    Raises:
        ModuleNotFoundError: A package of the extras ``vision``, ``text`` or ``export`` is missing.
        ValueError: The network is another, the library's logits differ, or the folder is not empty.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"expected {out} to be a folder that is absent or empty, got one with files in it")
    trained = run.load()
    theirs = EncoderFolder(trained) if isinstance(trained.model, TextNetwork) else TimmFolder(trained)
    decision = decision_of(run, trained, threshold)
    counts, counted_on = counts_of_labels(run)
    out.parent.mkdir(parents=True, exist_ok=True)
    with folder_for(out) as folder:
        theirs.write(folder)
        _write_text(folder / "selected_tags.csv", tags(trained, decision, counts))
        _write_text(folder / "thresholds.csv", thresholds(trained, decision))
        if with_onnx:
            export(run, folder / "model.onnx", threshold=threshold)
        _write_text(folder / "README.md", theirs.card(run, decision, with_onnx=with_onnx))
        difference = theirs.difference(folder)
        if out.exists():
            out.rmdir()
        shutil.move(folder, out)
    files = tuple(sorted(file.name for file in out.iterdir()))
    return Published(out, files, theirs.architecture, difference, counted_on, theirs.load.format(folder=out))


def push(folder: Path, name: str) -> str:
    """Upload a folder to a repository of the Hugging Face hub, which is made if it is not there; give its address.

    Raises:
        ModuleNotFoundError: huggingface_hub is not installed.
        ValueError: It cannot be uploaded: no network, no token, or no right to.
    """
    try:
        from huggingface_hub import HfApi
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            'uploading needs huggingface_hub: pip install "lopsided[vision]"', name=error.name
        ) from error
    try:
        api = HfApi(library_name="lopsided", library_version=lopsided.__version__)
        api.create_repo(name, exist_ok=True)
        api.upload_folder(repo_id=name, folder_path=folder, commit_message="Upload a model trained with lopsided")
    except Exception as error:  # each way of failing has an error of its own
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise ValueError(f"expected an upload of {folder} to {name}, got {reason:.200}; the folder is kept") from error
    return f"https://huggingface.co/{name}"


def _write_text(path: Path, text: str) -> None:
    with whole(path) as part:
        part.write_text(text, encoding="utf-8")
