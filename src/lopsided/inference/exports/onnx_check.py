"""Whether an ONNX file gives what PyTorch gives: on real rows, on random ones, and over the whole range of logits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from lopsided.inference.scoring import default_split, scored_batches
from lopsided.runs.folder import RunFolder, Trained
from lopsided.runs.own_data import own_data

TOLERANCES = {"float32": 1e-4, "float16": 1e-2}
"""Largest difference allowed to PyTorch's logits, as a share of the largest one where that is above 1, by the type that
the file computes them in. From the logits on it computes in float32."""

OUTPUTS = ("logits", "probabilities", "predicted")

_FARTHEST = 100.0  # logits that calibration and thresholds are checked up to
_STEPS = 801  # from the lowest to the highest of them
_TOGETHER = 2**20  # elements of these that are computed at a time
_MOST_NUMBERS, _MOST_ROWS, _FEWEST_ROWS = 2**22, 1024, 16  # of the run's data

Decide: TypeAlias = Callable[[Tensor], tuple[Tensor, Tensor]]


_TOLERANCE = TOLERANCES["float32"]  # from the logits on


@dataclass(frozen=True)
class Compared:
    """How close a file is to PyTorch."""

    largest: float  # difference of a logit or probability
    changed: str  # how many labels are predicted otherwise, in words


@dataclass(frozen=True, eq=False)
class Rows:
    """Inputs as the file takes them, and the logits that PyTorch has for them."""

    inputs: Tensor
    logits: Tensor


def real_rows(run: RunFolder, trained: Trained, *, input_type: str) -> tuple[Rows | None, str]:
    """Samples of the run's data with predict's logits, or None where it can't be read; and in words what they are."""
    try:
        data = own_data(run)
        split = "val" if "val" in data.split_names else default_split(data)
        size = int(np.prod(trained.inputs.shape))
        count = min(_MOST_ROWS, max(_FEWEST_ROWS, _MOST_NUMBERS // max(size, 1)), len(data.rows(split)))
        logits, batch = next(scored_batches(trained, data, split=split, batch_size=count, workers=0))
    except (ImportError, OSError, ValueError, StopIteration) as error:
        reason = " ".join(str(error).split()) or "it has no samples"
        return None, f"random inputs alone, because the run's data can't be read: {reason:.200}"
    inputs = batch["inputs"]
    if input_type == "uint8" and inputs.is_floating_point():  # batches of a table hold pixels divided by 255
        inputs = (inputs * 255).round().to(torch.uint8)
    if inputs.layout != torch.strided:
        with torch.inference_mode():
            inputs = inputs.to_dense()
    trained.model.cpu()
    return Rows(inputs, logits), f"{len(logits)} samples of {split} and random inputs"


def compared(
    runtime: ModuleType, path: Path, decide: Decide, *, thresholds: Tensor, batches: list[Rows], tolerance: float
) -> Compared:
    """What onnxruntime makes of a file, beside PyTorch.

    Args:
        runtime: onnxruntime.
        path: The file.
        decide: PyTorch's probabilities and predicted labels, from logits.
        thresholds: Probability above which each label is predicted, shape ``(labels,)``.
        batches: Inputs and their logits.
        tolerance: Largest difference allowed to a logit, as a share of the largest one where that is above 1.

    Raises:
        ValueError: The file does not run, or a logit, a probability or a decision differs.
    """
    session = _session(runtime, path, path.name)
    differences, changed, count = [], 0, 0
    for rows in batches:
        logits, *decided = _run(session, path.name, OUTPUTS, {"inputs": rows.inputs})
        scale = max(1.0, float(rows.logits.abs().max()))
        differences.append(_compared(path.name, "logits", logits, rows.logits, tolerance * scale))
        differences.append(_compare_decisions(path.name, decided, decide(logits), thresholds))
        changed += int((decided[1] != decide(rows.logits)[1]).sum())
        count += logits.numel()
    differences.append(_over_all_logits(runtime, path, decide, thresholds))
    return Compared(max(differences), f"{changed:,} of {count:,}")


def _over_all_logits(runtime: ModuleType, path: Path, decide: Decide, thresholds: Tensor) -> float:
    """The same for the part of the file that follows the logits, over the whole range of logits."""
    import onnx
    from onnx.utils import Extractor

    part = Extractor(onnx.load(path)).extract_model(["logits"], ["probabilities", "predicted"])
    session = _session(runtime, part.SerializeToString(), path.name)
    steps = torch.linspace(-_FARTHEST, _FARTHEST, _STEPS)
    differences = []
    for some in steps.split(max(1, _TOGETHER // len(thresholds))):
        logits = some.unsqueeze(1).repeat(1, len(thresholds))
        decided = _run(session, path.name, OUTPUTS[1:], {"logits": logits})
        differences.append(_compare_decisions(path.name, decided, decide(logits), thresholds))
    return max(differences)


def _session(runtime: ModuleType, model: Path | bytes, name: str) -> Any:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4  # what fails is raised too
    try:
        return runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # each kernel has errors of its own
        raise ValueError(f"expected {name} to be a file that onnxruntime can load, got {_one_line(error)}") from error


def _run(session: Any, name: str, outputs: tuple[str, ...], inputs: dict[str, Tensor]) -> list[Tensor]:
    (first,) = inputs.values()
    try:
        found = session.run(list(outputs), {key: tensor.numpy() for key, tensor in inputs.items()})
    except Exception as error:
        raise ValueError(f"expected {name} to run on {len(first)} samples, got {_one_line(error)}") from error
    return [torch.from_numpy(part) for part in found]


def _one_line(error: Exception) -> str:
    return f"{' '.join(str(error).split()):.300}"


def _compared(name: str, what: str, came: Tensor, wanted: Tensor, allowed: float) -> float:
    difference = float((came - wanted).abs().max())
    if not difference <= allowed:  # nan too
        raise ValueError(
            f"expected {name} to give PyTorch's {what} to within {allowed:.1g}, got a difference of "
            f"{difference:.2g}; it was not written"
        )
    return difference


def _compare_decisions(name: str, came: list[Tensor], wanted: tuple[Tensor, Tensor], thresholds: Tensor) -> float:
    """Both are computed from the same logits, so that a steep calibration does not enlarge differences of logits."""
    difference = _compared(name, "probabilities", came[0], wanted[0], _TOLERANCE)
    ties = (wanted[0] - thresholds).abs() <= _TOLERANCE * thresholds  # rounding may put these on either side
    wrong = (came[1] != wanted[1]) & ~ties
    if wrong.any():
        row, label = wrong.nonzero()[0].tolist()
        raise ValueError(
            f"expected {name} to predict what PyTorch predicts, got {bool(came[1][row, label])} for a probability of "
            f"{float(wanted[0][row, label]):.3g} and a threshold of {float(thresholds[label]):.3g} (label {label}); "
            "it was not written"
        )
    return difference
