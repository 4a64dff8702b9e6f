"""Labels that nobody knows: a mask, and three things that an unknown label can be taken for.

    python examples/unknown_labels.py

Handwritten digits with 14 tags, most of them hidden in two ways. Where people note what they see, nearly all that is
known is positive, and an unknown label is probably negative. Where a random sample was looked at, unknown means
nothing, and ignoring it is right. It ends with the line

    random sample known: ignore 0.93, negative 0.87, selective 0.86; all known 0.96
"""

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from lopsided.losses import PartialAsymmetricLoss
from lopsided.metrics import mean_average_precision

TAGS = {"even": (0, 2, 4, 6, 8), "prime": (2, 3, 5, 7), "has a loop": (0, 6, 8, 9), "straight lines only": (1, 4, 7)}
NUM_TRAIN = 1200


def tagged_digits() -> tuple[Tensor, Tensor]:
    """Features (samples, 64) and targets (samples, 14): the digit itself and its tags."""
    pixels, digit = load_digits(return_X_y=True)
    columns = [*(digit == d for d in range(10)), *(np.isin(digit, those) for those in TAGS.values())]
    return torch.from_numpy(pixels / 16).float(), torch.from_numpy(np.stack(columns, axis=1))


def trained(criterion: nn.Module, features: Tensor, targets: Tensor, known: Tensor | None) -> nn.Module:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, targets.shape[1]))
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(12):
        for rows in torch.randperm(NUM_TRAIN).split(64):
            loss = criterion(model(features[rows]), targets[rows], mask=None if known is None else known[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model.eval()


def main() -> None:
    features, targets = tagged_digits()

    def score(criterion: nn.Module, known: Tensor | None) -> float:
        logits = trained(criterion, features, targets, known)(features[NUM_TRAIN:])
        return float(mean_average_precision(logits, targets[NUM_TRAIN:]))

    all_known = score(PartialAsymmetricLoss(), None)
    ways = {
        "ignore": PartialAsymmetricLoss(unknown="ignore"),  # what mask= does in every loss of this library
        "negative": PartialAsymmetricLoss(unknown="negative", gamma_unknown=2),  # with a focusing power of its own
        "selective": PartialAsymmetricLoss(unknown="selective", top_k=1),  # negative, but for the likeliest
    }
    torch.manual_seed(1)
    chance = torch.rand(targets.shape)
    for title, known in (
        ("mostly positives known", chance < torch.where(targets, 0.5, 0.05)),
        ("random sample known", chance < 0.1),
    ):
        scores = ", ".join(f"{name} {score(criterion, known):.2f}" for name, criterion in ways.items())
        print(f"{title}: {scores}; all known {all_known:.2f}")


if __name__ == "__main__":
    main()
