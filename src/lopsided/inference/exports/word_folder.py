"""A network on words as a folder of JSON and numbers, with the lines of numpy that apply it."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

import lopsided
from lopsided.data.texts.terms import WORD
from lopsided.data.texts.tfidf import TfidfPreparation
from lopsided.files.whole import folder_for
from lopsided.inference.exports.card import about_results, data_of
from lopsided.inference.thresholds import Decision, decision_of
from lopsided.models import SparseLinear
from lopsided.runs.folder import RunFolder, Trained
from lopsided.runs.loss.calibrators import KEPT, Calibrator, ClosedForm, Isotonic, Platt, Temperature

__all__ = ["Written", "write_word_folder"]

FORMAT = 1
"""Number of the form of the folder."""

_LINES = """\
import json
import re
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np

folder = Path("FOLDER")
model = json.loads((folder / "model.json").read_text(encoding="utf-8"))
with np.load(folder / "arrays.npz") as arrays:
    a = dict(arrays)
place = {term: number for number, term in enumerate(model["terms"])}


def sigmoid(x):
    return 1 / (1 + np.exp(-np.clip(x, -700, 700)))


def probabilities(text):
    words = re.findall(model["word"], unicodedata.normalize("NFKC", text).lower())
    pieces = ["~" + f" {word} "[i : i + 4] for word in words for i in range(len(word) - 1)]
    counts = Counter(place[t] for t in [*words, *map(" ".join, zip(words, words[1:])), *pieces] if t in place)
    rows, x = list(counts), (1 + np.log(list(counts.values()))) * a["rarity"][list(counts)]
    z = x / max(np.linalg.norm(x), 1e-300) @ a["weight"][rows] + a["bias"]
"""

_CLOSED = """\
    p = sigmoid(np.clip(z + a["shift"], -30, 30))  # from here on: what undoes the bias of the loss
    s = np.maximum(p - a["margin"], 1e-300)
    up = (1 - p) ** a["gamma_pos"] * (1 / p - a["slope"] * a["gamma_pos"] * np.log(p) / (1 - p))
    down = s ** a["gamma_neg"] * (1 / (1 - s) - a["slope"] * a["gamma_neg"] * np.log1p(-s) / s)
    q = np.where(p > a["margin"], down / (down + up), 0)
"""

_OF_METHOD = {
    "closed form": _CLOSED,
    "temperature": _CLOSED
    + """\
    q = q + model["kept"] * (sigmoid(z) - q)
    q = sigmoid(np.log(q / (1 - q)) / model["temperature"])
""",
    "platt": """\
    q = sigmoid(z * a["scale"] + a["shift"])
""",
    "isotonic": """\
    q = np.array([np.interp(*knots) for knots in zip(z, a["knot_logits"], a["knot_probabilities"])])
""",
}

_END = """\
    return q + model["kept"] * (sigmoid(z) - q)


found = probabilities("A game of chess.")
print([label for label, yes in zip(model["labels"], found > a["thresholds"]) if yes])
"""


@dataclass(frozen=True)
class Written:
    """What was written."""

    path: Path
    files: tuple[str, ...]
    num_bytes: int
    num_terms: int
    num_labels: int
    threshold: str  # in words


def write_word_folder(run: RunFolder, out: Path, *, threshold: float | None = None) -> Written:
    """Write a linear network on words so that numpy alone can apply it.

    ``model.json`` holds the terms in the order of the rows of the weight, the pattern of a word, the labels and how
    logits become probabilities; ``arrays.npz`` the numbers; ``README.md`` what they mean, and the lines of Python that
    make of a text the probabilities that ``lopsided predict`` gives. Nothing in it is executed when it is read.

    Args:
        run: A run on texts whose network is ``tfidf``.
        out: The folder, which must be absent or empty; whole or absent.
        threshold: Probability above which a label is predicted, in [0, 1]; by default those that were chosen for the
            run, else 0.5.

    Raises:
        ValueError: The network is another, or the folder is not empty.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f"expected {out} to be a folder that is absent or empty, got one with files in it")
    trained = run.load()
    words, network = trained.preparation, trained.model
    if not isinstance(words, TfidfPreparation) or not isinstance(network, SparseLinear):
        name = run.config().model.name
        raise ValueError(
            f"expected a run on texts with model.name=tfidf, got {name}: export it to ONNX, or a text encoder with "
            "--format hub"
        )
    decision = decision_of(run, trained, threshold)
    content, arrays = _contents(trained, words, network, decision)
    out.parent.mkdir(parents=True, exist_ok=True)
    with folder_for(out) as folder:
        (folder / "model.json").write_text(json.dumps(content, ensure_ascii=False) + "\n", encoding="utf-8")
        np.savez(folder / "arrays.npz", allow_pickle=False, **arrays)
        card = _card(run, trained, decision, content["calibration"])
        (folder / "README.md").write_text(card, encoding="utf-8")
        if out.exists():
            out.rmdir()
        shutil.move(folder, out)
    files = sorted(out.iterdir())
    return Written(
        path=out,
        files=tuple(file.name for file in files),
        num_bytes=sum(file.stat().st_size for file in files),
        num_terms=len(words.terms),
        num_labels=len(trained.labels),
        threshold=decision.describe(),
    )


def _contents(
    trained: Trained, words: TfidfPreparation, network: SparseLinear, decision: Decision
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What model.json and arrays.npz hold."""
    about, arrays = _calibration(trained.calibrator)
    content = {
        "format": FORMAT,
        "lopsided": lopsided.__version__,
        "word": WORD.pattern,
        "terms": words.terms,
        "labels": trained.labels,
        "kept": KEPT,
        **about,
    }
    thresholds = torch.as_tensor(decision.threshold).expand(len(trained.labels))
    numbers = {"weight": network.weight, "bias": network.bias, "thresholds": thresholds}
    return content, arrays | {"rarity": words.rarity, **{name: _numbers(part) for name, part in numbers.items()}}


def lines(calibration: str) -> str:
    """The Python that applies the folder ``FOLDER``, for a way from logits to probabilities."""
    return _LINES + _OF_METHOD[calibration] + _END


def _calibration(found: Calibrator) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """How logits become probabilities: a part of model.json, and arrays."""
    match found:
        case ClosedForm():
            return {"calibration": "closed form"}, _closed_form(found)
        case Temperature():
            about = {"calibration": "temperature", "temperature": found.temperature}
            return about, _closed_form(found.closed)
        case Platt():
            return {"calibration": "platt"}, {"scale": _numbers(found.scale), "shift": _numbers(found.shift)}
        case Isotonic():
            lowest, rises = _numbers(found.lowest)[:, None], _numbers(found.rises)
            knots = lowest + np.concatenate([np.zeros_like(lowest), np.cumsum(rises, axis=1)], axis=1)
            arrays = {"knot_logits": _numbers(found.logits), "knot_probabilities": np.clip(knots, 0, 1)}
            return {"calibration": "isotonic"}, arrays


def _closed_form(found: ClosedForm) -> dict[str, np.ndarray]:
    return {
        "shift": np.zeros(()) if found.shift is None else _numbers(found.shift),
        "gamma_pos": _numbers(found.gamma_pos),
        "gamma_neg": _numbers(found.gamma_neg),
        "margin": _numbers(found.margin),
        "slope": np.array(0.0 if found.detach_focus else 1.0),
    }


def _numbers(values: Any) -> np.ndarray:
    return torch.as_tensor(values).detach().cpu().numpy()


def _card(run: RunFolder, trained: Trained, decision: Decision, calibration: str) -> str:
    labels = len(trained.labels)
    text = [
        f"# {run.config().report.title or f'Words to {labels} labels'}",
        "",
        f"Says which of {labels} labels a text has; any number of them may be true. Trained with lopsided "
        f"{lopsided.__version__}; to use it, numpy is enough.",
        *("", "## Files", "", "| file | what it holds |", "|---|---|"),
        "| `model.json` | `terms` in the order of the rows of `weight`: words, pairs joined by a space, and, where "
        "there are any, pieces of words, which begin with `~`; `word`, the pattern of one; `labels`; `calibration` |",
        "| `arrays.npz` | `rarity` (terms), how much each term counts; `weight` (terms, labels) and `bias` (labels); "
        "`thresholds` (labels); the rest makes probabilities of logits |",
        *("", "## Data", "", data_of(run)),
        *about_results(run, trained, decision),
        *("", "## Use", "", "```python", lines(calibration).rstrip(), "```"),
    ]
    said = "; `selected_tags.csv` and `thresholds.csv` have the number for each label."
    return "\n".join(text).replace(said, "; `thresholds` has the number for each label.") + "\n"
