"""An adaptive loss on two processes: the gap is that of all ranks, so gamma_neg is the same on each.

    python examples/adaptive_ddp.py
    torchrun --standalone --nproc-per-node 2 examples/adaptive_ddp.py

The first line starts two processes by itself, the second lets torchrun do it. It ends with the line

    gap of all ranks -0.02; gamma_neg on rank 0: 1.9, on rank 1: 1.9, equal: True
"""

import os
import tempfile
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, multiprocessing, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

from lopsided import AdaptiveAsymmetricLoss
from lopsided.asymmetry import ProbabilityGap

NUM_LABELS = 20


def data() -> TensorDataset:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(2048, 30, generator=generator)
    scores = features @ torch.randn(30, NUM_LABELS, generator=generator) / 30**0.5
    return TensorDataset(features, scores > 1.5)


def train() -> None:
    """What each process runs, once the group is there."""
    rank = dist.get_rank()
    device = f"cuda:{os.environ['LOCAL_RANK']}" if dist.get_backend() == "nccl" else "cpu"
    torch.manual_seed(0)
    model = DistributedDataParallel(nn.Linear(30, NUM_LABELS).to(device))
    criterion = AdaptiveAsymmetricLoss(target_gap=0.0).to(device)  # has no parameters, so it needs no wrapping
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02)
    samples = data()
    sampler = DistributedSampler(samples, shuffle=True, seed=0)
    gauge = ProbabilityGap()
    for epoch in range(6):
        sampler.set_epoch(epoch)
        gauge.reset()
        for features, targets in DataLoader(samples, batch_size=32, sampler=sampler):
            logits, targets = model(features.to(device)), targets.to(device)
            loss = criterion(logits, targets)  # adds up four numbers over the ranks, which all must call it
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            gauge.update(logits, targets)
    gap = gauge.all_ranks().compute().gap
    found: list[Tensor] = [torch.empty_like(criterion.gamma_neg) for _ in range(dist.get_world_size())]
    dist.all_gather(found, criterion.gamma_neg)
    if rank == 0:
        each = ", ".join(f"on rank {i}: {float(value):.1f}" for i, value in enumerate(found))
        print(f"gap of all ranks {gap:+.2f}; gamma_neg {each}, equal: {all(map(found[0].equal, found))}")


def start(rank: int, store: str) -> None:
    """The first lines of a process that this script started."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=Path(store).as_uri(), rank=rank, world_size=2)
    train()
    dist.destroy_process_group()


def main() -> None:
    if "RANK" in os.environ:  # torchrun has said who this is
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        train()
        dist.destroy_process_group()
        return
    with tempfile.TemporaryDirectory() as folder:
        # Children of a fork server end at once. Those of spawn wait for the interpreter, and gloo may abort meanwhile.
        multiprocessing.start_processes(start, (str(Path(folder) / "store"),), nprocs=2, start_method="forkserver")


if __name__ == "__main__":
    main()
