"""Twenty thousand labels: the last layer and its loss in one, from label numbers, without the logits of a batch.

    python examples/many_labels.py

Each sample has up to 5 of 20,000 labels, some frequent and most rare. ``linear_asymmetric_loss`` takes their numbers
and works through the labels in chunks; the plain way holds logits, dense targets and a gradient for each of them, for
the same result in several times the memory. It ends with the line

    share of true labels among the best 50 of 20,000: 0.00 before, 0.39 after
"""

import resource
import sys

import torch
from torch import Tensor, nn

from lopsided import AsymmetricLoss
from lopsided.losses import linear_asymmetric_loss

NUM_LABELS, WIDTH, MOST = 20_000, 64, 5


def samples(count: int, codes: Tensor) -> tuple[Tensor, Tensor]:
    """Features (samples, width), noisy sums of the labels' codes, and label numbers (samples, 5)."""
    numbers = (NUM_LABELS * torch.rand(count, MOST) ** 4).long()
    return codes[numbers].sum(dim=1) + 0.2 * torch.randn(count, WIDTH), numbers


def loss_in_chunks(layer: nn.Linear, features: Tensor, numbers: Tensor) -> Tensor:
    return linear_asymmetric_loss(
        features,
        layer.weight,
        layer.bias,
        numbers,  # -1 fills the places of samples with fewer labels; a sparse CSR tensor will do too
        indices=True,
        margin=0.0,
        reduction="batchmean",  # the mean over 20,000 labels would be tiny
    )


def plain_loss(layer: nn.Linear, features: Tensor, numbers: Tensor) -> Tensor:
    targets = torch.zeros(len(features), NUM_LABELS, dtype=torch.bool).scatter_(1, numbers, True)
    return AsymmetricLoss(margin=0.0, reduction="batchmean")(layer(features), targets)


def most_memory() -> float:
    """The most memory that this process has had so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9


def recall(layer: nn.Linear, features: Tensor, numbers: Tensor) -> float:
    """Share of the true labels among the 50 with the highest logits."""
    best = layer(features).topk(50, dim=1).indices
    return float((numbers[:, :, None] == best[:, None, :]).any(dim=2).float().mean())


def main() -> None:
    torch.manual_seed(0)
    codes = torch.randn(NUM_LABELS, WIDTH)
    layer = nn.Linear(WIDTH, NUM_LABELS)
    nn.init.constant_(layer.bias, -8.0)  # the log odds of a rare label: training starts where most outputs belong

    large, grown, gradients = samples(2000, codes), [], []
    for way in (loss_in_chunks, plain_loss):  # in this order, because the most memory so far never falls
        start = most_memory()
        layer.zero_grad()
        way(layer, *large).backward()
        gradients.append(layer.weight.grad)
        grown.append(most_memory() - start + sum(grown))
    same = torch.allclose(*gradients, rtol=1e-3, atol=1e-7)
    print(
        f"a step on 2,000 samples: {grown[0]:.1f} GB in chunks, {grown[1]:.1f} GB the plain way, same gradient: {same}"
    )

    optimizer = torch.optim.Adam(layer.parameters(), lr=0.03)
    test = samples(200, codes)
    before = recall(layer, *test)
    for _ in range(60):
        loss = loss_in_chunks(layer, *samples(100, codes))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    after = recall(layer, *test)
    print(f"share of true labels among the best 50 of {NUM_LABELS:,}: {before:.2f} before, {after:.2f} after")


if __name__ == "__main__":
    main()
