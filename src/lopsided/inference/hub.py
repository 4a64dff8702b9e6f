"""A trained image network as a folder that timm loads, with its tags, thresholds and a model card."""

from __future__ import annotations

import csv
import io
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import lopsided
from lopsided.data.images.transforms import RESIZE_FILTER
from lopsided.files.whole import folder_for, whole
from lopsided.inference.export import export
from lopsided.inference.thresholds import Decision, decision_of
from lopsided.metrics.catalogue import CATALOGUE
from lopsided.models import ImageNetwork, Pixels
from lopsided.runs.calibrators import method_of
from lopsided.runs.folder import RunFolder, Trained
from lopsided.runs.own_data import own_data

__all__ = ["Published", "push", "write_hub_folder"]

_CROPS = {"squash": "squash", "crop": "center", "pad": "border"}
"""timm's words for how a picture becomes a square."""


@dataclass(frozen=True)
class Published:
    """What was written, and how close timm's logits are."""

    path: Path
    files: tuple[str, ...]
    architecture: str  # timm's name
    largest_difference: float  # of a logit of random images, between timm's network and the run's
    counted_on: str  # where the counts of tags are from, or why there are none, in words


def write_hub_folder(run: RunFolder, out: Path, *, threshold: float | None = None, with_onnx: bool = True) -> Published:
    """Write the best averaged weights as ``timm.create_model("local-dir:FOLDER", pretrained=True)`` reads them.

    The folder holds ``model.safetensors`` and ``config.json`` of timm, ``selected_tags.csv`` and ``thresholds.csv`` as
    programs that tag pictures read them, ``README.md`` as a model card, and ``model.onnx``. timm's network gives
    logits; what makes them probabilities stands in the card.

    Args:
        run: A run whose network is a backbone of timm with a linear head.
        out: The folder, which must be absent or empty; whole or absent.
        threshold: Probability above which a label is predicted, in [0, 1]; by default those that were chosen for the
            run, else 0.5.
        with_onnx: Whether an ONNX file lies beside the weights, as :func:`lopsided.inference.export.export` writes it.

    Raises:
        ModuleNotFoundError: A package of the extras ``vision`` or ``export`` is missing.
        ValueError: The network is another, timm's logits differ, or the folder is not empty.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"expected {out} to be a folder that is absent or empty, got one with files in it")
    trained = run.load()
    network, pixels = _for_timm(trained)
    decision = decision_of(run, trained, threshold)
    counts, counted_on = _counts(run)
    out.parent.mkdir(parents=True, exist_ok=True)
    with folder_for(out) as folder:
        config = _config(trained, network, pixels)
        _write_weights(network, folder / "model.safetensors")
        _write_text(folder / "config.json", json.dumps(config, indent=2, ensure_ascii=False) + "\n")
        _write_text(folder / "selected_tags.csv", _tags(trained, decision, counts))
        _write_text(folder / "thresholds.csv", _thresholds(trained, decision))
        if with_onnx:
            export(run, folder / "model.onnx", threshold=threshold)
        _write_text(folder / "README.md", card(run, trained, decision, config["architecture"], with_onnx=with_onnx))
        difference = _difference(folder, trained)
        if out.exists():
            out.rmdir()
        shutil.move(folder, out)
    files = tuple(sorted(file.name for file in out.iterdir()))
    return Published(out, files, config["architecture"], difference, counted_on)


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


def _for_timm(trained: Trained) -> tuple[nn.Module, Pixels]:
    """timm's whole network with the weights of the backbone and of the head."""
    model = trained.model
    layers = list(model.head) if isinstance(model, ImageNetwork) and isinstance(model.head, nn.Sequential) else []
    if not isinstance(model, ImageNetwork) or not layers or not isinstance(layers[-1], nn.Linear):
        came = type(model.head).__name__ if isinstance(model, ImageNetwork) else "another network"
        raise ValueError(f"expected a backbone of timm with model.head=linear, which timm has too, got {came}")
    import timm

    labels = len(trained.labels)
    settings: dict[str, Any] = {}
    about: Any = timm.get_pretrained_cfg(model.backbone.name)
    if about.fixed_input_size:
        settings["img_size"] = trained.inputs.shape[-2:]
    network = timm.create_model(model.backbone.name, pretrained=False, num_classes=labels, **settings)
    classifier = network.get_classifier()  # pyright: ignore[reportCallIssue]
    if not isinstance(classifier, nn.Linear) or classifier.weight.shape != layers[-1].weight.shape:
        raise ValueError(
            f"expected {model.backbone.name} to end in one linear layer in timm, got {type(classifier).__name__}"
        )
    network.load_state_dict(model.backbone.network.state_dict(), strict=False)
    classifier.load_state_dict(layers[-1].state_dict())
    return network.eval(), model.pixels


def _config(trained: Trained, network: nn.Module, pixels: Pixels) -> dict[str, Any]:
    model, images = trained.model, trained.images
    assert isinstance(model, ImageNetwork)
    channels, *size = trained.inputs.shape
    mean, std = ([0.0] * 3, [1.0] * 3) if pixels.mean is None else (pixels.mean.flatten(), pixels.std.flatten())  # pyright: ignore[reportOptionalMemberAccess]
    about: Any = network.pretrained_cfg
    return {
        "architecture": model.backbone.name.partition(".")[0],
        "num_classes": len(trained.labels),
        "num_features": model.backbone.num_features,
        "model_args": {"img_size": size} if about.get("fixed_input_size") else {},
        "pretrained_cfg": {
            "tag": "lopsided",
            "custom_load": False,
            "input_size": [channels, *size],
            "fixed_input_size": bool(about.get("fixed_input_size")),
            "interpolation": RESIZE_FILTER,
            "crop_pct": 1.0,
            "crop_mode": _CROPS[images.resize],
            "mean": np.round(np.asarray(mean, dtype=np.float64), 7).tolist(),
            "std": np.round(np.asarray(std, dtype=np.float64), 7).tolist(),
            "num_classes": len(trained.labels),
            "pool_size": about.get("pool_size"),
            "first_conv": about.get("first_conv"),
            "classifier": about.get("classifier"),
            "label_names": list(trained.labels),
        },
    }


def _write_weights(network: nn.Module, path: Path) -> None:
    try:
        from safetensors.torch import save_file
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError('writing it needs safetensors: pip install "lopsided[vision]"') from error
    save_file({name: tensor.contiguous().clone() for name, tensor in network.state_dict().items()}, path)


def _write_text(path: Path, text: str) -> None:
    with whole(path) as part:
        part.write_text(text, encoding="utf-8")


def _counts(run: RunFolder) -> tuple[list[int] | None, str]:
    """Training samples that have each label, where the run's data can be read."""
    try:
        data = own_data(run)
        counts = data.labels.take(data.rows("train")).positives_per_label().tolist()
    except (ImportError, OSError, ValueError) as error:
        return None, f"none, because the run's data can't be read: {' '.join(str(error).split()):.160}"
    return counts, f"{len(data.rows('train'))} training samples"


def _tags(trained: Trained, decision: Decision, counts: list[int] | None) -> str:
    values = _per_label(trained, decision)
    columns = ["id", "tag_id", "name", "category", "count", "best_threshold"]
    rows = (
        [i, i, name, 0, "" if counts is None else counts[i], f"{values[i]:.6g}"]
        for i, name in enumerate(trained.labels)
    )
    return _csv([columns, *rows])


def _thresholds(trained: Trained, decision: Decision) -> str:
    values = _per_label(trained, decision)
    rows = ([i, name, 0, f"{values[i]:.6g}"] for i, name in enumerate(trained.labels))
    return _csv([["tag_id", "name", "category", "threshold"], *rows])


def _per_label(trained: Trained, decision: Decision) -> list[float]:
    return torch.as_tensor(decision.threshold).expand(len(trained.labels)).tolist()


def _csv(rows: list[list[Any]] | Any) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _difference(folder: Path, trained: Trained) -> float:
    """Largest difference of a logit between timm's network, loaded from the folder, and the run's."""
    import timm

    theirs = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    images = torch.randint(0, 256, (2, *trained.inputs.shape), dtype=torch.uint8, generator=torch.Generator())
    model = trained.model
    assert isinstance(model, ImageNetwork)
    with torch.inference_mode():
        wanted: Tensor = model(images)
        difference = float((theirs(model.pixels(images)) - wanted).abs().max())
    allowed = 1e-4 * max(1.0, float(wanted.abs().max()))
    if not difference <= allowed:
        raise ValueError(
            f"expected timm's logits to be those of the run to within {allowed:.1g}, got a difference of "
            f"{difference:.2g}; nothing was written"
        )
    return difference


def card(run: RunFolder, trained: Trained, decision: Decision, architecture: str, *, with_onnx: bool) -> str:
    """A model card: what it was trained on, how good it is, how to use it."""
    config = run.config()
    kind, _, place = config.source.partition(":")
    loss = {"name": config.loss.name, **config.loss.given()}
    lines = [
        *("---", "library_name: timm", "pipeline_tag: image-classification", "tags:", "- multi-label", "- lopsided"),
        *("---", "", f"# {config.report.title or f'{architecture}, {len(trained.labels)} labels'}", ""),
        f"Says which of {len(trained.labels)} labels a picture has; any number of them may be true. Trained with "
        f"lopsided {lopsided.__version__}.",
        *("", "## Data", ""),
        f"`{Path(place).name or kind}`, read as `{kind}`. "
        "Pictures are turned as EXIF says, put on white where they are transparent, and brought to "
        f"{trained.inputs.shape[-2]} x {trained.inputs.shape[-1]} pixels by {trained.images.resize} with a "
        f"{RESIZE_FILTER} filter.",
        *("", "## Metrics", "", *_metrics(run)),
        *("", "## Probabilities and thresholds", ""),
        f"Logits become probabilities by: {method_of(trained.calibrator, config.loss)}. A sigmoid alone is not that, "
        "unless it says so. Labels are predicted above a probability of "
        f"{decision.describe()}; `selected_tags.csv` and `thresholds.csv` have the number for each label.",
        *("", "## Settings", "", "```json"),
        json.dumps({"loss": loss, "training": _given(config.training)}, indent=2, ensure_ascii=False, default=str),
        *("```", "", "## Use", "", "```python", "import timm", "", "# the folder, or hf-hub:NAME once it is uploaded"),
        'network = timm.create_model("local-dir:FOLDER", pretrained=True).eval()',
        "logits = network(images)  # scaled by network.pretrained_cfg's mean and std",
        "```",
    ]
    if with_onnx:
        lines += ["", "`model.onnx` takes uint8 pictures and gives probabilities and decisions; its metadata says how."]
    return "\n".join(lines) + "\n"


def _given(options: Any) -> dict[str, Any]:
    usual = type(options)()
    return {name: value for name, value in vars(options).items() if value != getattr(usual, name)}


def _metrics(run: RunFolder) -> list[str]:
    found = run.evaluation()
    if found is None:
        return ["None measured yet: `lopsided evaluate RUN` writes them."]
    rows = [f"On the split `{found['split']}`:", "", "| metric | value |", "|---|---|"]
    for name, entry in CATALOGUE.items():
        value = found.get(name)
        if entry.group == "usual" and isinstance(value, int | float) and value == value:
            rows.append(f"| {entry.title} | {100 * value:.1f} % |")
    for name, (value, low, high) in found.get("f1", {}).get("chosen", {}).items():
        rows.append(
            f"| {name} F1, with its 95 % interval | {100 * value:.1f} % ({100 * low:.1f} to {100 * high:.1f}) |"
        )
    return rows
