"""A trained run as one ONNX file that says what goes in and what comes out, checked against PyTorch."""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

import lopsided
from lopsided.data.images.transforms import REDUCING_GAP, RESIZE_FILTER
from lopsided.data.texts.tokens import TokenPreparation
from lopsided.files.whole import folder_for, whole
from lopsided.inference.exports.float16 import Float16, check_float16, check_logits
from lopsided.inference.exports.onnx_check import OUTPUTS, TOLERANCES, Rows, compared, real_rows
from lopsided.inference.thresholds import Decision, decision_of
from lopsided.models import Pixels, Standardise
from lopsided.runs.config import Config
from lopsided.runs.folder import RunFolder, Trained
from lopsided.runs.loss.calibrators import method_of

__all__ = ["Exported", "export"]

OPSET = 18
"""PyTorch writes this opset of ONNX without a conversion, and every runtime of recent years reads it."""

_text = partial(json.dumps, ensure_ascii=False)
_LARGEST_FILE = 3 * 2**29  # bytes of weights; ONNX allows 2 GiB in one file, and PyTorch splits from 1.5 GiB on


@dataclass(frozen=True)
class Exported:
    """What was written, and how close it is to PyTorch."""

    path: Path
    data_path: Path | None  # weights that are too large for one file; belongs beside it, under its name
    num_bytes: int  # of all that was written
    input_type: str  # uint8, float32 or float64
    input_shape: tuple[int, ...]  # of one sample
    input_meaning: str
    num_labels: int
    threshold: str  # above which a probability makes a label predicted, in words
    precision: str  # that the network computes in and whose weights it has: float32 or float16
    largest_difference: float  # of a logit or probability
    tolerance: float  # of that difference; for logits, as a share of the largest one where that is above 1
    changed: str  # of the labels of checked samples, how many are predicted otherwise than by PyTorch, in words
    checked_on: str  # samples of the run's data, or why there were none, in words


def export(run: RunFolder, out: Path, *, threshold: float | None = None, float16: bool = False) -> Exported:
    """Write the best averaged weights as ONNX: ``inputs`` to ``logits``, ``probabilities`` and ``predicted``.

    Probabilities are those of predict, calibrated; ``predicted`` is True where they are above the thresholds. The file
    holds, as metadata, the names of labels and features and what the inputs are; images are uint8, as a decoder gives
    them. Batches may have any size. Before it is put in its place, it is run on samples of the run's validation split
    where that can be read, on random ones, and its calibration on logits from -100 to 100.

    Args:
        run: A trained run.
        out: The file to write, .onnx; whole or absent. Weights above 1.5 GiB lie beside it, in ``out`` + .data.
        threshold: Probability above which a label is predicted, in [0, 1]; by default those that were chosen for the
            run, else 0.5.
        float16: Whether the network has its weights in float16 and computes in it: a file of half the size, whose
            logits may differ by 1e-2 from PyTorch's; inputs, logits and probabilities keep their types.

    Returns:
        The files and their size, what goes in, and the largest difference to PyTorch.

    Raises:
        ModuleNotFoundError: A package of the extra ``export`` is missing.
        ValueError: The file's ending is another, the network cannot be exported, its logits, probabilities or decisions
            are not PyTorch's, or float16 cannot hold a weight.
    """
    if out.suffix != ".onnx":
        raise ValueError(f"expected the output to end in .onnx, got {out.name}")
    runtime = _runtime()
    config, trained = run.config(), run.load()
    decision = decision_of(run, trained, threshold)
    about = _about_inputs(trained, config) | {"precision": "float16" if float16 else "float32"}
    tolerance = TOLERANCES[about["precision"]]
    batches, checked_on = _batches(run, trained, about["input_type"])
    network = _in_float16(trained, batches, tolerance) if float16 else trained.model
    served = _Served(network, trained, decision.threshold).eval()
    two = _random_inputs(trained, about["input_type"], num_samples=2)
    out.parent.mkdir(parents=True, exist_ok=True)
    with folder_for(out) as folder:
        part = folder / out.name  # under its own name, which it calls its data by
        _write(served, two, part, metadata=about | _about_outputs(trained, config, decision))
        found = compared(
            runtime, part, served.decide, thresholds=served.thresholds, batches=batches, tolerance=tolerance
        )
        num_bytes = sum(file.stat().st_size for file in part.parent.iterdir())
        data = _put(part, out)
    if isinstance(trained.preparation, TokenPreparation):  # the file is of no use without it
        with whole(out.with_name(f"{out.stem}.tokenizer.json")) as tokenizer:
            trained.preparation.encode.save(str(tokenizer))
    return Exported(
        path=out,
        data_path=data,
        num_bytes=num_bytes,
        input_type=about["input_type"],
        input_shape=trained.inputs.shape,
        input_meaning=about["input_meaning"],
        num_labels=len(trained.labels),
        threshold=decision.describe(),
        precision=about["precision"],
        largest_difference=found.largest,
        tolerance=tolerance,
        changed=found.changed,
        checked_on=checked_on,
    )


def _batches(run: RunFolder, trained: Trained, input_type: str) -> tuple[list[Rows], str]:
    """Random samples and those of the run's data, with PyTorch's logits, and what these are in words."""
    rows, words = real_rows(run, trained, input_type=input_type)
    some = [_random_inputs(trained, input_type, num_samples=count) for count in (1, 3)]
    with torch.inference_mode():
        return [Rows(inputs, trained.model(inputs)) for inputs in some] + ([rows] if rows else []), words


def _in_float16(trained: Trained, batches: list[Rows], tolerance: float) -> Float16:
    check_float16(trained.model, trained.labels)
    network = Float16(trained.model).eval()
    for rows in batches:
        check_logits(network, rows.inputs, rows.logits, tolerance=tolerance)
    return network


class _Served(nn.Module):
    """Logits and probabilities of a network, and which labels it predicts."""

    thresholds: Tensor

    def __init__(self, model: nn.Module, trained: Trained, threshold: float | Tensor) -> None:
        super().__init__()
        self.model, self.calibrator = model, trained.calibrator
        thresholds = torch.as_tensor(threshold, dtype=torch.float32).expand(len(trained.labels)).clone()
        self.register_buffer("thresholds", thresholds, persistent=False)

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        logits = self.model(inputs)
        return logits, *self.decide(logits)

    def decide(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities, and which labels are predicted."""
        probabilities = self.calibrator(logits)
        return probabilities, probabilities > self.thresholds


def _runtime() -> ModuleType:
    """Import what export needs and give onnxruntime."""
    try:
        return [import_module(name) for name in ("onnx", "onnxscript", "onnxruntime")][-1]
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f'export needs {error.name}: pip install "lopsided[export]"', name=error.name
        ) from error


def _about_inputs(trained: Trained, config: Config) -> dict[str, str]:
    is_double = any(isinstance(module, Standardise) and module.is_double for module in trained.model.modules())
    about = {"input_type": "float64" if is_double else "float32", "input_shape": json.dumps(trained.inputs.shape)}
    kind = config.source.partition(":")[0]
    if trained.inputs.kind == "tokens":
        meaning = "numbers of tokens by the tokeniser beside it, as long as the longest text, -1 behind the others"
        return about | {"input_type": "int64", "input_meaning": meaning}
    if trained.inputs.kind != "images":
        about["input_meaning"] = "features in the order of the data that the network was trained on, not scaled"
        if trained.inputs.kind == "sparse":
            about["input_meaning"] += ", all of them, the zeros too"
        if trained.inputs.names:
            about["feature_names"] = _text(trained.inputs.names)
    elif kind == "table":  # which does not say any more whether it held uint8 or float32
        about["input_meaning"] = "images, channels first, as in the data trained on; uint8 divided by 255"
    else:
        about |= {"input_type": "uint8", "input_meaning": "pixels 0..255, channels first"}
        if kind != "digits":
            images = config.data.images()
            colours = "channels first (red, green, blue)"
            about["input_meaning"] = (
                f"pixels 0..255, {colours}, turned as EXIF says, on white where transparent, brought to size by "
                f"{images.resize}"
            )
            about |= {"image_size": str(images.size), "resize": images.resize, "resize_filter": RESIZE_FILTER}
            about |= {"resize_reducing_gap": str(REDUCING_GAP), "scaling": _text(_scaling(trained.model))}
    return about


def _scaling(model: nn.Module) -> dict[str, Any]:
    """What the network itself does to pixels: for whoever wants to know, since a caller must not do it again."""
    pixels = next(module for module in model.modules() if isinstance(module, Pixels))
    numbers = {name: part.flatten().tolist() for name, part in pixels.named_buffers()}
    return {"divisor": 255, **numbers, "where": "inside the network"}


def _about_outputs(trained: Trained, config: Config, decision: Decision) -> dict[str, str]:
    each = {} if decision.per_label is None else {"thresholds": _text(decision.per_label.tolist())}
    return {
        "labels": _text(trained.labels),
        "threshold": str(decision.common),
        **each,
        "lopsided_version": lopsided.__version__,
        "loss": _text({"name": config.loss.name, **config.loss.given()}),  # the rest: the version's defaults
        "epoch": str(trained.epoch),
        "calibration": method_of(trained.calibrator, config.loss),
    }


def _random_inputs(trained: Trained, input_type: str, *, num_samples: int) -> Tensor:
    generator, shape = torch.Generator().manual_seed(num_samples), (num_samples, *trained.inputs.shape)
    if input_type == "int64":  # texts of any tokens, each shorter than the one before
        width = min(shape[1], 4 + num_samples)
        ids = torch.randint(0, 5, (num_samples, width), generator=generator)
        return ids.masked_fill(torch.arange(width) >= width - torch.arange(num_samples).unsqueeze(1), -1)
    if input_type == "uint8":
        return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    if trained.inputs.kind == "images":
        return torch.rand(shape, generator=generator)
    inputs = torch.randn(shape, generator=generator)
    for module in trained.model.modules():
        if isinstance(module, Standardise):  # scaled like the data, so that logits have their usual size
            inputs = inputs * module.scale + module.mean
    return inputs


def _write(served: nn.Module, inputs: Tensor, path: Path, *, metadata: dict[str, str]) -> None:
    size = sum(tensor.numel() * tensor.element_size() for tensor in served.state_dict().values())
    try:
        with _quiet():
            program = torch.onnx.export(
                served,
                (inputs,),
                dynamo=True,
                verbose=False,
                opset_version=OPSET,
                input_names=["inputs"],
                output_names=list(OUTPUTS),
                dynamic_shapes=(_free_sizes(inputs),),
            )
            assert program is not None  # it is None with dynamo=False only
            program.model.metadata_props.update(metadata)
            program.save(path, external_data=size > _LARGEST_FILE)
    except torch.onnx.OnnxExporterError as error:
        reason = " ".join(str(error.__cause__ or error).split())
        raise ValueError(f"expected the network to be one that ONNX can hold, got {reason:.300}") from error


def _free_sizes(inputs: Tensor) -> dict[int, Any]:
    """Which sizes of the inputs may be any: the number of samples, and of tokens."""
    free = {0: torch.export.Dim("samples")}
    return free if inputs.is_floating_point() or inputs.dtype == torch.uint8 else {**free, 1: torch.export.Dim.DYNAMIC}


def _put(part: Path, out: Path) -> Path | None:
    """Move what was written to its place; give the file of the weights where they have one."""
    data = part.with_name(part.name + ".data")
    if not data.exists():
        os.replace(part, out)
        return None
    out.unlink(missing_ok=True)  # an earlier file would take the new weights for its own
    os.replace(data, out.with_name(data.name))
    os.replace(part, out)
    return out.with_name(data.name)


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter's notes about its internals; errors are still raised."""
    disabled = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
