"""Mean average precision beside scikit-learn and torchmetrics, in one process, one after the other in every round.

Results are appended to results/metrics.csv; a ratio is the rival's time over that of the first line.

python benchmarks/metrics.py            (40000, 80) scores
python benchmarks/metrics.py --large    (20000, 1000) scores as well: minutes
"""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Callable

import torch
from measure import append, environment, seconds, spread
from sklearn.metrics import average_precision_score
from torch import Tensor
from torchmetrics.functional.classification import multilabel_average_precision

from lopsided.losses.kernels import backend
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

    def ours(name: str) -> float:
        os.environ["LOPSIDED_BACKEND"] = name
        backend.forget()
        return float(mean_average_precision(probabilities, targets))

    return {
        "ours": lambda: ours(""),
        "ours, numpy": lambda: ours("torch"),
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
            times[name].append(1e3 * seconds(run, 1, "cpu"))
    return times


def report(title: str, times: dict[str, list[float]], where: dict[str, str]) -> None:
    """Print and append; ratios are taken within each round, and between the lowest times."""
    ours, rows = times["ours"], []
    print(f"\n{title}\n{'':14}{'median ms':>12}{'lowest':>10}{'highest':>10}{'ratio':>8}{'best':>8}")
    for name, rounds in times.items():
        ms = spread(rounds)
        ratio = statistics.median(value / own for value, own in zip(rounds, ours, strict=True))
        best = ms.lowest / min(ours)
        print(f"{name:14}{ms.median:12.1f}{ms.lowest:10.1f}{ms.highest:10.1f}{ratio:8.1f}{best:8.1f}")
        numbers = {"ms": ms.median, "ms_lowest": ms.lowest, "ratio": ratio, "ratio_best": best}
        rows.append({**where, "case": title, "rival": name, **{key: f"{value:.3f}" for key, value in numbers.items()}})
    append("metrics", rows)


def main() -> None:
    parser = argparse.ArgumentParser(description="Mean average precision beside scikit-learn and torchmetrics.")
    parser.add_argument("--repeats", type=int, default=9, help="rounds of the first case (default 9)")
    parser.add_argument("--large", action="store_true", help="(20000, 1000) as well, 3 rounds")
    options = parser.parse_args()

    where = environment("cpu", ("torch", "numpy", "scikit-learn", "torchmetrics"))
    print(", ".join(where.values()), "-", backend.cpu_backend())
    report("mAP, (40000, 80) float32", measure(mean_average_precision_case(40_000, 80), options.repeats), where)
    if options.large:
        report("mAP, (20000, 1000) float32", measure(mean_average_precision_case(20_000, 1000), 3), where)


if __name__ == "__main__":
    main()
