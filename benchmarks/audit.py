"""How well hidden labels are found, against cleanlab, the loss and chance, on the same out-of-sample scores.

lopsided train listing:clipart/labels.csv --config head-on-lite0 --data.missing 0.3 --out runs/hidden
python benchmarks/audit.py runs/hidden --folds 3

cleanlab (AGPL) is compared with where it is installed, and is no dependency of anything here.
"""

from __future__ import annotations

import argparse
import importlib.metadata
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from lopsided.data import read_source
from lopsided.inference.audit import audit
from lopsided.inference.cross_fit import OutOfSample, out_of_sample
from lopsided.runs.loss.criterion import build_criterion
from lopsided.training import RunFolder


def by_audit(scores: OutOfSample, most: int) -> NDArray[np.int64]:
    """Elements in the order of ``lopsided audit``, both kinds mixed."""
    place = {row: i for i, row in enumerate(scores.rows.tolist())}
    labels = scores.targets.shape[1]
    return np.array([place[s.row] * labels + s.label for s in audit(scores, most=most).suspects])


def by_loss(scores: OutOfSample, run: RunFolder) -> NDArray[np.int64]:
    """Elements by the loss that the run was trained with, highest first."""
    criterion = build_criterion(run.config().loss, num_labels=scores.targets.shape[1]).eval()
    criterion.reduction = "none"
    losses = criterion(scores.logits, scores.targets).masked_fill(~scores.known, -1)
    return losses.flatten().argsort(descending=True, stable=True).numpy()


def by_cleanlab(scores: OutOfSample, method: str) -> NDArray[np.int64]:
    """The elements that cleanlab takes for issues, label by label, in the order of its scores; the others follow."""
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    quality = np.empty(scores.targets.shape)
    is_issue = np.zeros(scores.targets.shape, dtype=bool)
    for k in range(quality.shape[1]):
        p, given = scores.probabilities[:, k].double().numpy(), scores.targets[:, k].numpy().astype(int)
        both = np.stack([1 - p, p], axis=1)
        quality[:, k] = get_label_quality_scores(given, both, method=method)
        if 0 < given.sum() < len(given):
            is_issue[:, k] = find_label_issues(given, both, n_jobs=1)
    return np.lexsort((quality.ravel(), ~is_issue.ravel()))


def report(name: str, order: NDArray[np.int64], hidden: NDArray[np.bool_], ks: list[int]) -> None:
    found = hidden[order].cumsum()
    cells = [f"{100 * found[min(k, len(found)) - 1] / k:11.1f}" for k in ks]
    print(f"{name:44}{''.join(cells)}{100 * found[min(ks[-1], len(found)) - 1] / hidden.sum():11.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Hidden labels found among the first k suspects.")
    parser.add_argument("run", type=Path, help="a run with --data.missing above 0")
    parser.add_argument("--folds", type=int, default=3)
    given = parser.parse_args()
    run = RunFolder(given.run)
    config = run.config()
    data = read_source(config.source, config.data, seed=config.seed)
    if data.truth is None:
        parser.error(f"wanted a run with --data.missing, got {given.run}")
    scores = out_of_sample(run, data, folds=given.folds, splits=("train",))
    truth = torch.from_numpy(data.truth.dense(scores.rows)[0])
    hidden = (truth & ~scores.targets).flatten().numpy()
    absent = ~scores.targets.flatten().numpy()
    ks = [100, 500, 1000, int(hidden.sum())]
    print(f"{config.source}: {hidden.sum()} of {int(truth.sum())} positives hidden among {absent.sum()} negatives")
    print(f"{'precision at, per cent':44}{''.join(f'{k:11}' for k in ks)}{'recall':>11}")
    report("chance, negatives alone", np.random.default_rng(0).permutation(np.flatnonzero(absent)), hidden, ks)
    loss = by_loss(scores, run)
    report("loss, both kinds", loss, hidden, ks)
    report("loss, negatives alone", loss[absent[loss]], hidden, ks)
    try:
        version = importlib.metadata.version("cleanlab")
        for method in ("self_confidence", "normalized_margin", "confidence_weighted_entropy"):
            order = by_cleanlab(scores, method)
            report(f"cleanlab {version} {method}"[:43], order, hidden, ks)
            report("  negatives alone", order[absent[order]], hidden, ks)
    except ModuleNotFoundError as error:
        print(f"without cleanlab: {error}")
    order = by_audit(scores, 10 * ks[-1])
    report("lopsided audit, both kinds", order, hidden, ks)
    report("  missing alone", order[absent[order]], hidden, ks)
    found, true = audit(scores, most=1), (truth & ~scores.targets).sum(dim=0).numpy()
    print(
        f"estimated {found.missing.sum():.0f} missing and {found.wrong.sum():.0f} wrong; over labels, correlation with "
        f"the hidden {np.corrcoef(found.missing, true)[0, 1]:.3f}, mean difference "
        f"{np.abs(found.missing - true).mean():.1f} of {true.mean():.1f}"
    )


if __name__ == "__main__":
    main()
