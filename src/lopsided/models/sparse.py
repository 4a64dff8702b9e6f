"""A layer on rows that are nearly all 0, whose cost grows with what is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

_NUMBERS = 1 << 20
"""Of the gradient, made at once: 4 MB, which fit into a cache."""


class Slopes(NamedTuple):
    """The gradient of a batch in two factors: that of the weight is ``inputs.T @ outputs``.

    Args:
        inputs: Of the layer, CSR, shape ``(samples, features)``.
        outputs: The gradient of the layer's outputs, shape ``(samples, width)``.
    """

    inputs: Tensor
    outputs: Tensor


class SparseLinear(nn.Module):
    """One weight per feature and output, for inputs as a sparse CSR tensor.

    The weight has a row for each feature, so that a batch touches the rows of the features that it has. Its gradient is
    a dense tensor, as that of any layer, unless ``in_factors`` is set: then the layer keeps it as the two factors that
    it is the product of, and whoever takes the step makes rows of it, some at a time, by :func:`rows_of_gradient`.

    Args:
        num_features: Size of an input, shape ``(samples, num_features)``.
        width: Size of the output, shape ``(samples, width)``.
    """

    def __init__(self, num_features: int, width: int, *, zero: bool = False) -> None:
        super().__init__()
        self.num_features, self.width = num_features, width
        self.weight = nn.Parameter(torch.zeros(num_features, width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.in_factors = False
        self.slopes: list[Slopes] = []  # since the last step
        if not zero:
            nn.init.normal_(self.weight, std=width**-0.5)

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs of inputs of the layout CSR, or written out, as an exported network gets them."""
        if inputs.layout == torch.strided:
            return inputs @ self.weight + self.bias
        return _Product.apply(self.weight, inputs, self) + self.bias  # pyright: ignore[reportOperatorIssue]

    def gradient_of(self, slopes: Slopes) -> Tensor | None:
        """The gradient of the weight, or None where it is kept in its factors."""
        if self.in_factors:
            self.slopes.append(slopes)
            return None
        gradient = torch.zeros_like(self.weight)
        for rows, values in rows_of_gradient([slopes]):
            gradient[rows] = values
        return gradient

    def extra_repr(self) -> str:
        """The sizes."""
        return f"num_features={self.num_features}, width={self.width}"


def sparse_linear(num_features: int, num_labels: int) -> nn.Module:
    """Logistic regression for each label on sparse inputs; it starts from 0, as nothing needs to tell features apart.

    Args:
        num_features: Size of an input, CSR, shape ``(samples, num_features)``.
        num_labels: Size of the output, logits of shape ``(samples, num_labels)``.
    """
    return SparseLinear(num_features, num_labels, zero=True)


def sparse_mlp(num_features: int, num_labels: int, *, hidden: int = 512, dropout: float = 0.0) -> nn.Module:
    """Two-layer network on sparse inputs; only its first layer is as wide as they are.

    Args:
        num_features: Size of an input, CSR, shape ``(samples, num_features)``.
        num_labels: Size of the output, logits of shape ``(samples, num_labels)``.
        hidden: Number of hidden units, >= 1.
        dropout: Share of hidden units silenced while training, in [0, 1).
    """
    return nn.Sequential(
        SparseLinear(num_features, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, num_labels)
    )


class _Product(torch.autograd.Function):
    """``inputs @ weight``, and the gradient of the weight either way."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, inputs: Tensor, layer: SparseLinear) -> Tensor:
        ctx.inputs, ctx.layer = inputs, layer
        return torch.sparse.mm(inputs, weight)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, None, None]:
        return ctx.layer.gradient_of(Slopes(ctx.inputs, grad_outputs[0].float())), None, None


def rows_of_gradient(slopes: list[Slopes]) -> Iterator[tuple[Tensor, Tensor]]:
    """The rows of the sum of some gradients in factors that are not 0, some at a time.

    Args:
        slopes: Of one layer, at least one.

    Yields:
        Numbers of rows, ascending, int64, shape (n,), and their gradient, shape (n, width).
    """
    samples = [part.inputs.shape[0] for part in slopes]
    starts = torch.tensor([0, *samples]).cumsum(0).tolist()
    columns = torch.cat([part.inputs.col_indices() for part in slopes])
    values = torch.cat([part.inputs.values() for part in slopes])
    sample_of = torch.cat([_samples(part.inputs) + start for part, start in zip(slopes, starts, strict=False)])
    outputs = torch.cat([part.outputs for part in slopes])
    order = columns.argsort(stable=True)
    rows, counts = torch.unique_consecutive(columns[order], return_counts=True)
    bounds = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    entries, weights = sample_of[order], values[order]
    step = max(_NUMBERS // outputs.shape[1], 1)
    for first in range(0, len(rows), step):
        ends = bounds[first : first + step + 1]
        low, high = int(ends[0]), int(ends[-1])
        part = torch.sparse_csr_tensor(
            ends - ends[0],
            entries[low:high],
            weights[low:high],
            size=(len(ends) - 1, len(outputs)),
            check_invariants=False,
        )
        yield rows[first : first + step], torch.sparse.mm(part, outputs)


def _samples(inputs: Tensor) -> Tensor:
    """The sample of each entry."""
    counts = inputs.crow_indices().diff()
    return torch.repeat_interleave(torch.arange(len(counts), device=counts.device), counts)
