"""A last layer of many labels under FSDP2: each process keeps a half of its weights, and its loss sees whole ones.

    python examples/fsdp_many_labels.py
    torchrun --standalone --nproc-per-node 2 examples/fsdp_many_labels.py

FSDP makes the weights of a module whole while its ``forward`` runs. So ``linear_asymmetric_loss``, which takes the
weights of the last layer, is called in the ``forward`` of the module that has them. It ends with the line

    2 processes, each with 1000 of 2000 rows of the last layer: loss 17.96 -> 0.13
"""

import os
import tempfile
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, multiprocessing, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

from lopsided.losses import linear_asymmetric_loss

NUM_LABELS = 2_000


class HeadWithLoss(nn.Module):
    """The last layer, whose ``forward`` is its loss."""

    def __init__(self, width: int, num_labels: int) -> None:
        super().__init__()
        self.layer = nn.Linear(width, num_labels)
        nn.init.constant_(self.layer.bias, -6.0)

    def forward(self, features: Tensor, numbers: Tensor) -> Tensor:
        settings = {"indices": True, "margin": 0.0, "reduction": "batchmean"}
        return linear_asymmetric_loss(features, self.layer.weight, self.layer.bias, numbers, **settings)


class Network(nn.Module):
    """From inputs and numbers of labels to a loss."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(50, 32), nn.ReLU())
        self.head = HeadWithLoss(32, NUM_LABELS)

    def forward(self, inputs: Tensor, numbers: Tensor) -> Tensor:
        return self.head(self.body(inputs), numbers)


def made() -> tuple[Network, Tensor, Tensor]:
    """A network, inputs, and the numbers of three labels of each sample: the same on every rank."""
    torch.manual_seed(0)
    network, inputs = Network(), torch.randn(64, 50)
    return network, inputs, (inputs @ torch.randn(50, NUM_LABELS)).topk(3).indices


def train() -> None:
    """What each process runs, once the group is there."""
    rank, ranks = dist.get_rank(), dist.get_world_size()
    device = "cuda" if dist.get_backend() == "nccl" else "cpu"
    network, inputs, numbers = made()
    mesh = init_device_mesh(device, (ranks,))
    for part in (network.body, network.head, network):
        fully_shard(part, mesh=mesh)
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.02)  # after sharding: its state is sharded too
    losses = []
    for _ in range(30):
        loss = network(inputs[rank::ranks].to(device), numbers[rank::ranks].to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        dist.all_reduce(mean := loss.detach() / ranks)
        losses.append(mean.item())
    rows = len(network.head.layer.weight.to_local())
    if rank == 0:
        kept = f"each with {rows} of {NUM_LABELS} rows of the last layer"
        print(f"{ranks} processes, {kept}: loss {losses[0]:.2f} -> {losses[-1]:.2f}")


def start(rank: int, store: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=Path(store).as_uri(), rank=rank, world_size=2)
    train()
    dist.destroy_process_group()


if __name__ == "__main__":
    if "RANK" in os.environ:  # torchrun has said who this is
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        train()
        dist.destroy_process_group()
    else:
        with tempfile.TemporaryDirectory() as folder:
            multiprocessing.start_processes(start, (f"{folder}/store",), nprocs=2, start_method="forkserver")
