"""A focusing power, a margin and a weight for each label, and probabilities that stay true all the same.

    python examples/per_label_settings.py

Twenty labels, from one in three samples to one in two hundred. The rarer a label, the more its easy negatives are
discounted. What that does to the outputs is undone in closed form by ``recalibrate`` with the same settings. It ends
with the line

    rarest label: true in 0.006 of samples; mean sigmoid 0.20, mean recalibrated probability 0.007
"""

import torch
from torch import Tensor, nn

from lopsided import AsymmetricLoss
from lopsided.losses import recalibrate
from lopsided.metrics import average_precision

NUM_LABELS = 20


def long_tail(num_samples: int) -> tuple[Tensor, Tensor]:
    """Features (samples, 30) and targets (samples, 20) that follow from them, up to noise."""
    shares = torch.logspace(-0.5, -2.3, NUM_LABELS)  # of samples that have the label
    directions = nn.functional.normalize(torch.randn(30, NUM_LABELS, generator=torch.Generator().manual_seed(0)), dim=0)
    features = torch.randn(num_samples, 30)
    scores = features @ directions + 0.5 * torch.randn(num_samples, NUM_LABELS)
    return features, scores > torch.special.ndtri(1 - shares) * 1.25**0.5


def trained(criterion: AsymmetricLoss, features: Tensor, targets: Tensor, weight: Tensor | None) -> nn.Module:
    torch.manual_seed(0)
    model = nn.Linear(30, NUM_LABELS)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02)
    for _ in range(4):
        for rows in torch.randperm(len(features)).split(200):
            loss = criterion(model(features[rows]), targets[rows], weight=weight)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model.eval()


def main() -> None:
    torch.manual_seed(0)
    (features, targets), (test_features, test_targets) = long_tail(20_000), long_tail(20_000)
    share = targets.float().mean(dim=0)
    rarity = (-share.log()) / (-share.log()).max()  # 1 for the rarest label, shape (labels,)
    criterion = AsymmetricLoss(
        gamma_neg=4 * rarity,  # any tensor that broadcasts to the logits; it moves with criterion.to(device)
        margin=0.02 * rarity,
    )
    weight = (share.median() / share).clamp(0.5, 2)  # of each label in the sum, shape (labels,)
    for name, loss, factor in (("one setting for all", AsymmetricLoss(), None), ("per label", criterion, weight)):
        logits = trained(loss, features, targets, factor)(test_features).detach()
        found = average_precision(logits, test_targets)
        frequent, rare = found[:10].mean(), found[10:].mean()
        print(f"{name}: average precision of the frequent half {frequent:.2f}, of the rare {rare:.2f}")

    outputs, true = logits.sigmoid().mean(dim=0), test_targets.float().mean(dim=0)
    probabilities = recalibrate(logits, gamma_pos=0.0, gamma_neg=criterion.gamma_neg, margin=criterion.margin)
    print(
        f"rarest label: true in {true[-1]:.3f} of samples; mean sigmoid {outputs[-1]:.2f}, "
        f"mean recalibrated probability {probabilities[:, -1].mean():.3f}"
    )


if __name__ == "__main__":
    main()
