"""Mean average precision beside scikit-learn and torchmetrics, in one process, one after the other in every round.

python benchmarks/metrics.py            (40000, 80) scores
python benchmarks/metrics.py --large    (20000, 1000) scores as well: minutes
"""

from __future__ import annotations

import argparse
import importlib.metadata
import statistics
import time
from collections.abc import Callable

import torch
from sklearn.metrics import average_precision_score
from torch import Tensor
from torchmetrics.functional.classification import multilabel_average_precision

from lopsided.metrics import mean_average_precision

Case = dict[str, Callable[[], float]]


def mean_average_precision_case(samples: int, labels: int) -> Case:
    """Probabilities with ties, about 3 positives in 100, every label with some."""
    generator = torch.Generator().manual_seed(0)
    targets = (torch.rand(samples, labels, generator=generator) < 0.036).long()
    logits = torch.randn(samples, labels, generator=generator) + 2 * targets - 3
    probabilities = logits.sigmoid().half().float()  # rounded, so that there are ties
    scores_numpy, targets_numpy = probabilities.numpy(), targets.numpy()

    def by_torchmetrics() -> float:
        value: Tensor = multilabel_average_precision(probabilities, targets, num_labels=labels, thresholds=None)
        return float(value)

    return {
        "lopsided": lambda: float(mean_average_precision(probabilities, targets)),
        "scikit-learn": lambda: float(average_precision_score(targets_numpy, scores_numpy)),
        "torchmetrics": by_torchmetrics,
    }


def measure(case: Case, repeats: int) -> dict[str, list[float]]:
    """Milliseconds of each round, after one round that is not counted and whose values must agree."""
    values = [run() for run in case.values()]
    if max(values) - min(values) > 1e-5:  # torchmetrics sums in float32
        raise SystemExit(f"the values differ: {dict(zip(case, values, strict=True))}")
    times: dict[str, list[float]] = {name: [] for name in case}
    for _ in range(repeats):
        for name, run in case.items():
            start = time.perf_counter()
            run()
            times[name].append((time.perf_counter() - start) * 1e3)
    return times


def report(title: str, times: dict[str, list[float]]) -> None:
    ours = statistics.median(times["lopsided"])
    print(f"\n{title}\n{'':14}{'median ms':>12}{'lowest':>10}{'highest':>10}{'ratio':>8}")
    for name, rounds in times.items():
        median = statistics.median(rounds)
        print(f"{name:14}{median:12.1f}{min(rounds):10.1f}{max(rounds):10.1f}{median / ours:8.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Mean average precision beside scikit-learn and torchmetrics.")
    parser.add_argument("--repeats", type=int, default=9, help="rounds of the first case (default 9)")
    parser.add_argument("--large", action="store_true", help="(20000, 1000) as well, 3 rounds")
    options = parser.parse_args()

    versions = [
        f"{name} {importlib.metadata.version(name)}" for name in ("torch", "numpy", "scikit-learn", "torchmetrics")
    ]
    print(", ".join(versions), f"- {torch.get_num_threads()} threads")
    report("mAP, (40000, 80) float32", measure(mean_average_precision_case(40_000, 80), options.repeats))
    if options.large:
        report("mAP, (20000, 1000) float32", measure(mean_average_precision_case(20_000, 1000), 3))


if __name__ == "__main__":
    main()
