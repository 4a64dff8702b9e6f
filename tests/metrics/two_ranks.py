"""What each of two processes runs: its share of the rows, then everything that all ranks share.

Saved by each rank: ``counts …`` and, for each case of ``CASES``, the tensors of all ranks and of one process.
"""

import sys
from pathlib import Path

import torch
import torch.distributed as dist

from lopsided.metrics import CollectedScores, count, reliability

LABELS = 3
ROWS = 12

# For each case the batches of rank 0 and of rank 1: rows from, to, and whether they come with a mask.
CASES = {
    "uneven rows": ([(0, 4, False), (4, 7, False)], [(7, 12, False)]),
    "a rank with a batch of no rows": ([(0, 0, False)], [(0, 12, False)]),
    "a rank without batches": ([(0, 12, True)], []),
    "no batches at all": ([], []),
    "a mask on one rank only": ([(0, 5, False)], [(5, 12, True)]),
}


def scene() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    scores = torch.rand(ROWS, LABELS, generator=generator)
    targets = torch.rand(ROWS, LABELS, generator=generator) < 0.5
    known = torch.rand(ROWS, LABELS, generator=generator) < 0.5
    return scores, targets, known


def collect(batches: list[tuple[int, int, bool]]) -> CollectedScores:
    scores, targets, known = scene()
    collected = CollectedScores()
    for first, end, with_mask in batches:
        rows = slice(first, end)
        collected.update(scores[rows], targets[rows], known[rows] if with_mask else None)
    return collected


def main(rank: int, folder: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder / 'store'}", rank=rank, world_size=2)
    scores, targets, _ = scene()
    rows = slice(0, 5) if rank == 0 else slice(5, ROWS)
    results: dict[str, object] = {
        "counts of all ranks": count(scores[rows], targets[rows]).all_ranks(),
        "counts of one process": count(scores, targets),
        "reliability of all ranks": reliability(scores[rows], targets[rows]).all_ranks(),
        "reliability of one process": reliability(scores, targets),
    }
    for name, shares in CASES.items():
        everything = [batch for share in shares for batch in share]
        results[name] = collect(shares[rank]).all_ranks().tensors(), collect(everything).tensors()
    torch.save(results, folder / f"rank{rank}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
