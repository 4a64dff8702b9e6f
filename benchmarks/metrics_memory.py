"""Memory and time of every metric: all scores at once, and in blocks that are never in memory together.

Scores are made anew for each pass, block by block, from the number of the block, so that what is measured is what the
metrics take. Each case runs in a process of its own, whose memory at its peak counts above what it had after its
imports. Results are appended to results/metrics_memory.csv; a ratio is to 4 bytes for each score.

python benchmarks/metrics_memory.py                    200,000 x 1,000 both ways
python benchmarks/metrics_memory.py --samples 1000000  in blocks alone
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np
import torch
from measure import append, environment

from lopsided.metrics.catalogue import measure, measure_blocks
from lopsided.metrics.collected import Rows
from lopsided.metrics.ranked.frequencies import Frequencies

POSITIVES = 5  # of a sample, on average; a few labels have most of them


def blocks(samples: int, labels: int, size: int) -> Iterator[Rows]:
    """Logits and targets of some samples at a time."""
    share = POSITIVES / torch.arange(1, labels + 1) / (1 / torch.arange(1, labels + 1)).sum()
    for number, start in enumerate(range(0, samples, size)):
        generator = torch.Generator().manual_seed(number)
        shape = min(size, samples - start), labels
        targets = torch.rand(shape, generator=generator) < share
        yield torch.randn(shape, generator=generator) + 2 * targets - 3, targets, None


def peak() -> int:
    """Bytes of this process at its peak so far."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def one_case(samples: int, labels: int, size: int, *, at_once: bool) -> None:
    """Print the bytes above the imports, the seconds and the mAP."""
    training = Frequencies(np.arange(labels, 0, -1), labels)
    before, started = peak(), time.perf_counter()
    if at_once:
        scores, targets = (torch.empty(samples, labels, dtype=kind) for kind in (torch.float32, torch.bool))
        for number, (some, truth, _) in enumerate(blocks(samples, labels, size)):
            rows = slice(number * size, number * size + len(some))
            scores[rows], targets[rows] = some, truth
        found = measure(scores, scores.sigmoid(), targets, training=training)
    else:
        found = measure_blocks(lambda: blocks(samples, labels, size), training=training)
    print(peak() - before, time.perf_counter() - started, found["mAP"], found["micro_AP"], found["ndcg_at_5"])


def main() -> None:
    parser = argparse.ArgumentParser(description="Memory of all metrics, at once and in blocks.")
    parser.add_argument("--samples", type=int, default=200_000, help="default 200,000")
    parser.add_argument("--labels", type=int, default=1000, help="default 1,000")
    parser.add_argument("--block", type=int, default=4096, help="samples of a block (default 4096)")
    parser.add_argument("--at-once", type=int, default=200_000, help="most samples that are held (default 200,000)")
    parser.add_argument("--case", choices=["at-once", "blocks"], help="run one case in this process")
    given = parser.parse_args()
    shape = given.samples, given.labels
    if given.case:
        one_case(*shape, given.block, at_once=given.case == "at-once")
        return
    cases = ["blocks", *(["at-once"] if given.samples <= given.at_once else [])]
    where, rows, values = environment("cpu", ("torch", "numpy")), [], []
    for case in cases:
        words = ["--samples", shape[0], "--labels", shape[1], "--block", given.block, "--case", case]
        done = subprocess.run([sys.executable, __file__, *map(str, words)], capture_output=True, text=True, check=True)
        memory, seconds, *numbers = map(float, done.stdout.split())
        values.append(numbers)
        ratio = memory / (4 * shape[0] * shape[1])
        print(f"{shape} {case:8} {memory / 2**20:8.0f} MiB, {ratio:.2f} of the scores, {seconds:.0f} s")
        figures = {"mib": f"{memory / 2**20:.0f}", "of_scores": f"{ratio:.3f}", "seconds": f"{seconds:.1f}"}
        rows.append({**where, "samples": str(shape[0]), "labels": str(shape[1]), "case": case, **figures})
    if len(values) > 1 and not np.allclose(*values, rtol=1e-9):
        raise SystemExit(f"the values differ: {values}")
    append("metrics_memory", rows)


if __name__ == "__main__":
    main()
