"""Five stratified folds beside iterative-stratification: how far labels are from their shares, and the time.

Both share out single samples of data sets of the Mulan collection; the last case, of 1,000,000 samples and 5,000 labels
with three draws of a Zipf distribution each, is ours alone, in the memory that the process had at its peak.
"""

import argparse
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from iterstrat.ml_stratifiers import MultilabelStratifiedKFold
from measure import append, environment
from scipy.sparse import csr_array

from lopsided.data import Labels, read_source
from lopsided.data.stratification import reached, stratify

FOLDS = 5
SHARES = {f"fold{fold}": 1 / FOLDS for fold in range(FOLDS)}


def ours(positives: csr_array) -> np.ndarray:
    return stratify(positives, list(SHARES.values()), items=np.arange(positives.shape[0]))


def iterative_stratification(positives: csr_array) -> np.ndarray:
    parts, dense = np.full(positives.shape[0], -1), positives.toarray().astype(int)
    folds = MultilabelStratifiedKFold(n_splits=FOLDS, shuffle=True, random_state=0)
    for fold, (_, rows) in enumerate(folds.split(dense, dense)):
        parts[rows] = fold
    return parts


def at_random(positives: csr_array) -> np.ndarray:
    return np.random.default_rng(0).permutation(positives.shape[0]) % FOLDS


def generated(samples: int, labels: int) -> Labels:
    frequency = 1 / np.arange(1, labels + 1)
    columns = np.random.default_rng(0).choice(labels, size=3 * samples, p=frequency / frequency.sum())
    cells = (np.ones(3 * samples, bool), (np.repeat(np.arange(samples), 3), columns))
    positives = csr_array(cells, shape=(samples, labels))
    positives.sum_duplicates()
    return Labels(tuple(map(str, range(labels))), positives)


def measured(case: str, labels: Labels, split: Callable[[csr_array], np.ndarray], where: dict[str, str]) -> None:
    started = time.perf_counter()
    parts = split(labels.positives)
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
    options = parser.parse_args()
    where = environment("cpu", ("numpy", "scipy", "iterative-stratification"))
    for name in ("bibtex", "Corel5k"):
        labels = read_source(f"arff:{options.data / name}").labels
        for split in (ours, iterative_stratification, at_random):
            measured(name, labels, split, where)
    if options.large:
        measured("(1000000, 5000)", generated(1_000_000, 5000), ours, where)


if __name__ == "__main__":
    main()
