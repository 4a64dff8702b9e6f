"""An image network as timm has it: its weights, its configuration and what its card says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import lopsided
from lopsided.data.images.transforms import RESIZE_FILTER
from lopsided.inference.exports.card import about_results, data_of
from lopsided.inference.thresholds import Decision
from lopsided.models import ImageNetwork, Pixels
from lopsided.runs.folder import RunFolder, Trained

_CROPS = {"squash": "squash", "crop": "center", "pad": "border"}
"""timm's words for how a picture becomes a square."""


class TimmFolder:
    """What of a folder is about timm.

    Args:
        trained: A run's network.

    Raises:
        ValueError: It is no backbone of timm with a linear head.
    """

    load = 'network = timm.create_model("local-dir:{folder}", pretrained=True).eval()'

    def __init__(self, trained: Trained) -> None:
        self.trained = trained
        self.network, pixels = _for_timm(trained)
        self.config = _config(trained, self.network, pixels)
        self.architecture: str = self.config["architecture"]

    def write(self, folder: Path) -> None:
        """Write weights and configuration."""
        _write_weights(self.network, folder / "model.safetensors")
        content = json.dumps(self.config, indent=2, ensure_ascii=False) + "\n"
        (folder / "config.json").write_text(content, encoding="utf-8")

    def card(self, run: RunFolder, decision: Decision, *, with_onnx: bool) -> str:
        """A model card: what it was trained on, how good it is, how to use it."""
        return _card(run, self.trained, decision, self.architecture, with_onnx=with_onnx)

    def difference(self, folder: Path) -> float:
        """Largest difference of a logit between timm's network, loaded from the folder, and the run's."""
        return _difference(folder, self.trained)


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


def _card(run: RunFolder, trained: Trained, decision: Decision, architecture: str, *, with_onnx: bool) -> str:
    title = run.config().report.title
    lines = [
        *("---", "library_name: timm", "pipeline_tag: image-classification", "tags:", "- multi-label", "- lopsided"),
        *("---", "", f"# {title or f'{architecture}, {len(trained.labels)} labels'}", ""),
        f"Says which of {len(trained.labels)} labels a picture has; any number of them may be true. Trained with "
        f"lopsided {lopsided.__version__}.",
        *("", "## Data", ""),
        f"{data_of(run)} "
        "Pictures are turned as EXIF says, put on white where they are transparent, and brought to "
        f"{trained.inputs.shape[-2]} x {trained.inputs.shape[-1]} pixels by {trained.images.resize} with a "
        f"{RESIZE_FILTER} filter.",
        *about_results(run, trained, decision),
        *("", "## Use", "", "```python", "import timm", "", "# the folder, or hf-hub:NAME once it is uploaded"),
        'network = timm.create_model("local-dir:FOLDER", pretrained=True).eval()',
        "logits = network(images)  # scaled by network.pretrained_cfg's mean and std",
        "```",
    ]
    if with_onnx:
        lines += ["", "`model.onnx` takes uint8 pictures and gives probabilities and decisions; its metadata says how."]
    return "\n".join(lines) + "\n"
