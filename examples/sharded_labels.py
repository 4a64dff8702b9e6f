"""Labels too many for one device: each process has the last layer of its own labels, and all see all samples.

    python examples/sharded_labels.py
    torchrun --standalone --nproc-per-node 2 examples/sharded_labels.py

The network before the last layer is copied to every process (DDP). What it gives is gathered, so that each process has
the loss of all samples for its labels; none holds logits or weights of all of them. Loss and gradients are those of one
process. It ends with the line

    2 processes of 1000 labels each: loss 14.97 -> 0.09
"""

import os
import tempfile
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, multiprocessing, nn
from torch.nn.parallel import DistributedDataParallel

from lopsided.losses import linear_asymmetric_loss

NUM_LABELS = 2_000


class Gathered(torch.autograd.Function):
    """The rows of all ranks, in their order. Each rank's loss is of its own labels, so their gradients add up."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        ctx.count = len(rows)
        found = [torch.empty_like(rows) for _ in range(dist.get_world_size())]
        dist.all_gather(found, rows.contiguous())
        return torch.cat(found)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        total = grads[0].clone()
        dist.all_reduce(total)
        mine = total[dist.get_rank() * ctx.count :][: ctx.count]
        return mine * dist.get_world_size()  # DDP is going to divide by it


class HeadOfSomeLabels(nn.Module):
    """The last layer and its loss, of the labels from ``first`` on."""

    def __init__(self, whole: nn.Linear, *, first: int, count: int) -> None:
        super().__init__()
        self.first, self.count = first, count
        self.weight = nn.Parameter(whole.weight.detach()[first : first + count].clone())
        self.bias = nn.Parameter(whole.bias.detach()[first : first + count].clone())

    def forward(self, features: Tensor, numbers: Tensor) -> Tensor:
        """Loss of these labels, summed over them and averaged over samples; ``numbers`` are of all labels."""
        own = torch.where((numbers >= self.first) & (numbers < self.first + self.count), numbers - self.first, -1)
        settings = {"indices": True, "margin": 0.0, "reduction": "batchmean"}
        return linear_asymmetric_loss(features, self.weight, self.bias, own, **settings)

    @torch.no_grad()
    def most_probable(self, features: Tensor, *, k: int) -> Tensor:
        """Numbers of the k highest labels of each sample, among those of all ranks."""
        values, numbers = torch.addmm(self.bias, features, self.weight.T).topk(k)
        best = torch.stack([values, (numbers + self.first).to(values)], dim=2)  # numbers below 2 ** 24 are exact
        found = [torch.empty_like(best) for _ in range(dist.get_world_size())]
        dist.all_gather(found, best)
        values, numbers = torch.cat(found, dim=1).unbind(dim=2)
        return numbers.gather(1, values.topk(k).indices).long()


def made() -> tuple[nn.Module, nn.Linear, Tensor, Tensor]:
    """A network, its last layer, inputs, and the numbers of three labels of each sample: the same on every rank."""
    torch.manual_seed(0)
    body, head = nn.Sequential(nn.Linear(50, 32), nn.ReLU()), nn.Linear(32, NUM_LABELS)
    nn.init.constant_(head.bias, -6.0)
    inputs = torch.randn(64, 50)
    numbers = (inputs @ torch.randn(50, NUM_LABELS)).topk(3).indices
    numbers[::2, 2] = -1  # every second sample has two labels
    return body, head, inputs, numbers


def train() -> None:
    """What each process runs, once the group is there."""
    rank, ranks = dist.get_rank(), dist.get_world_size()
    body, whole, inputs, numbers = made()
    share, rows = NUM_LABELS // ranks, slice(rank * 64 // ranks, (rank + 1) * 64 // ranks)
    network = DistributedDataParallel(body)
    head = HeadOfSomeLabels(whole, first=rank * share, count=share)  # not in DDP: it is another one on each rank
    optimizer = torch.optim.AdamW([*network.parameters(), *head.parameters()], lr=0.02)
    losses = []
    for _ in range(30):
        loss = head(Gathered.apply(network(inputs[rows])), numbers)  # numbers of labels are gathered likewise
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        dist.all_reduce(total := loss.detach().clone())
        losses.append(total.item())
    best = head.most_probable(body(inputs), k=3)
    if rank == 0:
        print("most probable labels of sample 0:", *sorted(best[0].tolist()))
        print(f"{ranks} processes of {share} labels each: loss {losses[0]:.2f} -> {losses[-1]:.2f}")


def start(rank: int, store: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=Path(store).as_uri(), rank=rank, world_size=2)
    train()
    dist.destroy_process_group()


if __name__ == "__main__":
    if "RANK" in os.environ:  # torchrun has said who this is
        dist.init_process_group("gloo")
        train()
        dist.destroy_process_group()
    else:
        with tempfile.TemporaryDirectory() as folder:
            multiprocessing.start_processes(start, (f"{folder}/store",), nprocs=2, start_method="forkserver")
