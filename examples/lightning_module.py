"""A LightningModule of your own with an adaptive loss, the gap between both sides, and metrics of all ranks.

    python examples/lightning_module.py

For a trainer that is there already, see ``lopsided train``. It ends with the line

    mean average precision 0.16 after 3 epochs, gap -0.10, gamma_neg 2.9
"""

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from lopsided import AdaptiveAsymmetricLoss
from lopsided.asymmetry import ProbabilityGap
from lopsided.data import SplitDataset, digits
from lopsided.metrics import CollectedScores, mean_average_precision


def network(num_labels: int) -> nn.Module:
    layers: list[nn.Module] = []
    for num_in, num_out in ((3, 32), (32, 64), (64, 128)):
        layers += [nn.Conv2d(num_in, num_out, 3, stride=2, padding=1), nn.BatchNorm2d(num_out), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(128, num_labels))


class MultiLabel(pl.LightningModule):
    def __init__(self, num_labels: int) -> None:
        super().__init__()
        self.model = network(num_labels)
        # An attribute of the module: its gamma_neg is saved with the weights, and rests while Lightning validates.
        self.criterion = AdaptiveAsymmetricLoss(target_gap=0.0)
        self.scores, self.gauge = CollectedScores(), ProbabilityGap()

    def training_step(self, batch: list[Tensor], _index: int) -> Tensor:
        inputs, targets = batch
        logits = self.model(inputs)  # under autocast too: the loss computes half precision in float32
        self.log("gamma_neg", self.criterion.gamma_neg)
        return self.criterion(logits, targets)

    def validation_step(self, batch: list[Tensor], _index: int) -> None:
        inputs, targets = batch
        logits = self.model(inputs)
        self.scores.update(logits, targets)
        self.gauge.update(logits, targets)

    def on_validation_epoch_end(self) -> None:
        # A ranking does not add up from means of batches: the scores of all batches and ranks are kept.
        scores, targets, _ = self.scores.all_ranks().tensors()
        self.log("val_mAP", mean_average_precision(scores, targets).float(), sync_dist=True)
        self.log("val_gap", self.gauge.all_ranks().compute().gap.float(), sync_dist=True)
        self.scores, self.gauge = CollectedScores(), ProbabilityGap()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), lr=3e-3)


def main() -> None:
    pl.seed_everything(0, verbose=False)
    table = digits(train_samples=3000, validation_samples=500, test_samples=0)
    train, val = (SplitDataset(table, split=name) for name in ("train", "val"))
    train, val = (part[range(len(part))] for part in (train, val))  # all of a split as one batch
    trainer = pl.Trainer(
        max_epochs=3,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    task = MultiLabel(len(table.labels.names))
    trainer.fit(
        task,
        DataLoader(TensorDataset(train["inputs"], train["targets"]), batch_size=64, shuffle=True),
        DataLoader(TensorDataset(val["inputs"], val["targets"]), batch_size=250),
    )
    found = trainer.callback_metrics
    print(
        f"mean average precision {found['val_mAP']:.2f} after 3 epochs, gap {found['val_gap']:+.2f}, "
        f"gamma_neg {found['gamma_neg']:.1f}"
    )


if __name__ == "__main__":
    main()
