"""The networks of several runs as one: each layer's weights of all of them in one tensor."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from lopsided.models import SparseLinear


class Stack(nn.Module):
    """Networks of fully connected layers with ReLU between them, all of one shape, that see the same inputs.

    The weights of a layer have the shape ``(runs, in, out)``; those of a first layer on sparse inputs stand side by
    side, ``(features, runs * out)``, so that one product serves all runs and nothing is written out.

    Args:
        network: What each of them starts as: any module whose layers are ``nn.Linear``, with ReLU between them; the
            first may be a :class:`SparseLinear`.
        num_runs: How many.

    >>> stack = Stack(nn.Linear(4, 2), 3)
    >>> stack(torch.zeros(5, 4)).shape
    torch.Size([3, 5, 2])
    """

    def __init__(self, network: nn.Module, num_runs: int) -> None:
        super().__init__()
        layers = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
        first = next((layer for layer in network.modules() if isinstance(layer, SparseLinear)), None)
        self.num_runs = num_runs
        self.sparse = None if first is None else _side_by_side(first, num_runs)
        self.weights = nn.ParameterList([_repeated(layer.weight.T, num_runs) for layer in layers])
        self.biases = nn.ParameterList([_repeated(layer.bias[None], num_runs) for layer in layers])

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits, shape ``(runs, samples, labels)``, of inputs of shape ``(samples, features)``."""
        if self.sparse is None:
            hidden = inputs.expand(self.num_runs, *inputs.shape)
        else:
            hidden = self.sparse(inputs).view(inputs.shape[0], self.num_runs, -1).transpose(0, 1)
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if number or self.sparse is not None:
                hidden = torch.relu(hidden)
            hidden = torch.baddbmm(bias, hidden, weight)
        return hidden

    def averaged(self) -> Stack:
        """Networks for averaged weights, which begin as these; those of sparse layers are not averaged but shared."""
        shared = {} if self.sparse is None else {id(self.sparse.weight): self.sparse.weight}
        average = copy.deepcopy(self, shared)
        for parameter in average.of_its_own():
            parameter.requires_grad_(False)
        return average

    def of_its_own(self) -> list[nn.Parameter]:
        """The parameters but for the weights of a sparse layer."""
        kept = None if self.sparse is None else self.sparse.weight
        return [parameter for parameter in self.parameters() if parameter is not kept]

    @torch.no_grad()
    def take(self, other: Stack, run: int) -> None:
        """Take the weights of one run from another stack of the same runs."""
        for mine, its in zip([*self.weights, *self.biases], [*other.weights, *other.biases], strict=True):
            mine[run] = its[run]
        if self.sparse is not None and other.sparse is not None:
            width = self.sparse.width // self.num_runs
            columns = slice(run * width, (run + 1) * width)
            self.sparse.weight[:, columns] = other.sparse.weight[:, columns]
            self.sparse.bias[columns] = other.sparse.bias[columns]

    def bytes_of_run(self, *, batch_size: int, num_scored: int) -> int:
        """Memory that each of the runs takes while it trains, in bytes.

        Args:
            batch_size: Samples in a step.
            num_scored: Samples whose logits are kept at once for metrics.
        """
        parameters = sum(parameter[0].numel() for parameter in [*self.weights, *self.biases])
        units = sum(bias.shape[-1] for bias in self.biases)
        wide = 0
        if self.sparse is not None:
            units += self.sparse.width // self.num_runs
            wide = self.sparse.weight.numel() // self.num_runs
        labels = (self.biases[-1].shape[-1]) if len(self.biases) else units
        # Weights, gradients, two moments, the average and the best average; of sparse layers weights and the best of
        # them; activations and what the loss makes of them; the logits of a split, once in batches and once joined.
        return 4 * (6 * parameters + 2 * wide + 12 * batch_size * units + 2 * num_scored * labels)


def _repeated(parameter: Tensor, num_runs: int) -> nn.Parameter:
    return nn.Parameter(parameter.detach().repeat(num_runs, 1, 1))


def _side_by_side(layer: SparseLinear, num_runs: int) -> SparseLinear:
    """A sparse layer for each run, as one whose rows take a step for each of them."""
    wide = SparseLinear(layer.num_features, layer.width * num_runs, zero=True)
    wide.parts = num_runs
    with torch.no_grad():
        wide.weight.copy_(layer.weight.repeat(1, num_runs))
        wide.bias.copy_(layer.bias.repeat(num_runs))
    return wide
