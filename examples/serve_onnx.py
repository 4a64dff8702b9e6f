"""From a table to a file that onnxruntime serves alone: train, choose thresholds, export, then forget PyTorch.

    python examples/serve_onnx.py

The first half are three commands in processes of their own. The second half needs numpy and onnxruntime only, and
says so. It ends with the line

    397 samples: precision 0.90, recall 0.88; torch was imported: False
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
from sklearn.datasets import load_digits

TAGS = {"even": (0, 2, 4, 6, 8), "prime": (2, 3, 5, 7), "has a loop": (0, 6, 8, 9), "straight lines only": (1, 4, 7)}


def write_table(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """Handwritten digits and their tags as NPZ; the inputs and targets of the test split come back."""
    pixels, digit = load_digits(return_X_y=True)
    features = pixels.astype(np.float32)
    labels = np.stack([*(digit == d for d in range(10)), *(np.isin(digit, those) for those in TAGS.values())], axis=1)
    split = np.array(["train"] * 1100 + ["val"] * 300 + ["test"] * 397)
    names = np.array([*map(str, range(10)), *TAGS])
    np.savez(file, features=features, labels=labels, split=split, label_names=names)
    return features[split == "test"], labels[split == "test"]


def train_and_export(folder: Path) -> None:
    for line in (
        "train table:tags.npz --training.epochs 10 --loss.gamma_neg 4 --loss.margin 0.05 --out run",
        "thresholds run --per-label",
        "export run tags.onnx",
    ):
        subprocess.run([sys.executable, "-m", "lopsided", *line.split()], cwd=folder, check=True)


def serve(file: Path, inputs: np.ndarray, targets: np.ndarray) -> None:
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    about = session.get_modelmeta().custom_metadata_map  # labels, thresholds, what the inputs are
    names = json.loads(about["labels"])
    print(f"inputs: {about['input_type']} (samples, {json.loads(about['input_shape'])[0]}), {about['input_meaning']}")

    batches = np.array_split(inputs, 4)  # of any size: the number of samples is free
    outputs = [session.run(["logits", "probabilities", "predicted"], {"inputs": batch}) for batch in batches]
    _logits, probabilities, predicted = (np.concatenate(parts) for parts in zip(*outputs, strict=True))
    for i in range(3):
        print(
            f"sample {i}:", ", ".join(f"{names[k]} ({probabilities[i, k]:.2f})" for k in np.flatnonzero(predicted[i]))
        )
    right = (predicted & targets).sum()
    print(
        f"{len(inputs)} samples: precision {right / predicted.sum():.2f}, recall {right / targets.sum():.2f}; "
        f"torch was imported: {'torch' in sys.modules}"
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        inputs, targets = write_table(folder / "tags.npz")
        train_and_export(folder)
        serve(folder / "tags.onnx", inputs, targets)


if __name__ == "__main__":
    main()
