"""The networks of several runs as one: each layer's weights of all of them in one tensor, (runs, in, out)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Stack(nn.Module):
    """Networks of fully connected layers with ReLU between them, all of one shape, that see the same inputs.

    Args:
        network: What each of them starts as: any module whose layers are ``nn.Linear``, with ReLU between them.
        num_runs: How many.

    >>> stack = Stack(nn.Linear(4, 2), 3)
    >>> stack(torch.zeros(5, 4)).shape
    torch.Size([3, 5, 2])
    """

    def __init__(self, network: nn.Module, num_runs: int) -> None:
        super().__init__()
        layers = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
        self.num_runs = num_runs
        self.weights = nn.ParameterList([_repeated(layer.weight.T, num_runs) for layer in layers])
        self.biases = nn.ParameterList([_repeated(layer.bias[None], num_runs) for layer in layers])

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits, shape ``(runs, samples, labels)``, of inputs of shape ``(samples, features)``."""
        hidden = inputs.expand(self.num_runs, *inputs.shape)
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if number:
                hidden = torch.relu(hidden)
            hidden = torch.baddbmm(bias, hidden, weight)
        return hidden

    def bytes_of_run(self, *, batch_size: int, num_scored: int) -> int:
        """Memory that each of the runs takes while it trains, in bytes.

        Args:
            batch_size: Samples in a step.
            num_scored: Samples whose logits are kept at once for metrics.
        """
        parameters = sum(parameter[0].numel() for parameter in self.parameters())
        units = sum(bias.shape[-1] for bias in self.biases)
        labels = self.biases[-1].shape[-1]
        # Weights, gradients, two moments, the average and the best average; activations and what the loss makes of
        # them; the logits of a split, once in batches and once joined.
        return 4 * (6 * parameters + 12 * batch_size * units + 2 * num_scored * labels)


def _repeated(parameter: Tensor, num_runs: int) -> nn.Parameter:
    return nn.Parameter(parameter.detach().repeat(num_runs, 1, 1))
