"""Five stratified folds beside iterative-stratification, and of whole groups beside scikit-learn.

What is measured is how far labels are from their shares, and the time.

Single samples come from data sets of the Mulan collection. Whole groups come from a source that has a column of them;
StratifiedGroupKFold knows one class for each sample, which is its rarest label here. The last cases, of 1,000,000
samples and 5,000 labels with three draws of a Zipf distribution each, as single samples and in 250,000 groups, are ours
alone, in the memory that the process had at its peak.
"""

import argparse
import resource
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from iterstrat.ml_stratifiers import MultilabelStratifiedKFold
from measure import append, environment
from scipy.sparse import csr_array
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

from lopsided.data import Labels, read_source
from lopsided.data.splits.stratification import joined, reached, stratify

FOLDS = 5
SHARES = {f"fold{fold}": 1 / FOLDS for fold in range(FOLDS)}


def ours(positives: csr_array) -> np.ndarray:
    return stratify(positives, list(SHARES.values()), items=np.arange(positives.shape[0]))


def ours_grouped(positives: csr_array, groups: np.ndarray) -> np.ndarray:
    return stratify(positives, list(SHARES.values()), items=joined(groups))


def stratified_group_k_fold(positives: csr_array, groups: np.ndarray) -> np.ndarray:
    frequency = np.asarray(positives.sum(axis=0)).ravel()
    rows = np.split(positives.indices, positives.indptr[1:-1])
    rarest = np.array([min(row, key=frequency.__getitem__, default=-1) for row in rows])
    return of_folds(StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0).split(rarest, rarest, groups))


def group_k_fold(positives: csr_array, groups: np.ndarray) -> np.ndarray:
    return of_folds(GroupKFold(FOLDS, shuffle=True, random_state=0).split(positives, groups=groups))


def of_folds(folds: Iterable[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    tested = [rows for _, rows in folds]
    parts = np.empty(sum(map(len, tested)), np.int64)
    for fold, rows in enumerate(tested):
        parts[rows] = fold
    return parts


def iterative_stratification(positives: csr_array) -> np.ndarray:
    dense = positives.toarray().astype(int)
    return of_folds(MultilabelStratifiedKFold(n_splits=FOLDS, shuffle=True, random_state=0).split(dense, dense))


def at_random(positives: csr_array) -> np.ndarray:
    return np.random.default_rng(0).permutation(positives.shape[0]) % FOLDS


def generated(samples: int, labels: int) -> Labels:
    frequency = 1 / np.arange(1, labels + 1)
    columns = np.random.default_rng(0).choice(labels, size=3 * samples, p=frequency / frequency.sum())
    cells = (np.ones(3 * samples, bool), (np.repeat(np.arange(samples), 3), columns))
    positives = csr_array(cells, shape=(samples, labels))
    positives.sum_duplicates()
    return Labels(tuple(map(str, range(labels))), positives)


def measured(case: str, labels: Labels, split: Callable[..., np.ndarray], where: dict[str, str], *groups: Any) -> None:
    started = time.perf_counter()
    parts = split(labels.positives, *groups)
    seconds = time.perf_counter() - started
    deviation = np.mean([fold["mean_deviation"] for fold in reached(labels, parts, SHARES)["splits"].values()])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # MiB
    print(f"{case:24}{split.__name__:28}{deviation:10.5f}{seconds:10.2f} s{peak:8.0f} MiB")
    numbers = {"deviation": f"{deviation:.5f}", "seconds": f"{seconds:.3f}", "peak_mib_of_process": f"{peak:.0f}"}
    append("splits", [{**where, "case": case, "rival": split.__name__, **numbers}])


def main() -> None:
    parser = argparse.ArgumentParser(description="Stratified folds beside iterative-stratification.")
    parser.add_argument("data", type=Path, help="folder of bibtex and Corel5k of the Mulan collection")
    parser.add_argument("--large", action="store_true", help="(1000000, 5000) generated as well, ours alone")
    parser.add_argument("--grouped", help="source with a column of groups, such as listing:FILE")
    options = parser.parse_args()
    where = environment("cpu", ("numpy", "scipy", "iterative-stratification", "scikit-learn"))
    for name in ("bibtex", "Corel5k"):
        labels = read_source(f"arff:{options.data / name}").labels
        for split in (ours, iterative_stratification, at_random):
            measured(name, labels, split, where)
    if options.grouped:
        data = read_source(options.grouped)
        for split in (ours_grouped, stratified_group_k_fold, group_k_fold):
            measured(
                f"{data.name} in groups", data.labels, split, where, np.unique(data.groups, return_inverse=True)[1]
            )
    if options.large:
        labels, groups = generated(1_000_000, 5000), np.random.default_rng(1).integers(250_000, size=1_000_000)
        measured("(1000000, 5000)", labels, ours, where)
        measured("(1000000, 5000) in groups", labels, ours_grouped, where, groups)


if __name__ == "__main__":
    main()
