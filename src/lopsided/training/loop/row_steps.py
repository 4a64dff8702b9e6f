"""Steps of sparse layers, in which only the rows are touched whose features a batch has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from lopsided.models import native_rows
from lopsided.models.sparse import Slopes, SparseLinear, rows_of_gradient
from lopsided.runs.config import TrainingOptions


def check_row_steps(options: TrainingOptions) -> None:
    """Refuse what steps of single rows cannot do.

    Raises:
        ValueError: Gradients are to be clipped, scaled for float16, computed by a compiled network, or followed by
            another optimiser.
    """
    for name, wanted, given in (
        ("clip_norm", "none", options.clip_norm is not None),
        ("precision", "float32 or bfloat16", options.precision == "float16"),
        ("compile", "false", options.compile),
        ("optimizer", "adamw", options.optimizer != "adamw"),
    ):
        if given:
            came = getattr(options, name)
            raise ValueError(f"expected training.{name} to be {wanted} for inputs that stay sparse, got {came}")


def rows_alone(module: nn.Module) -> list[str]:
    """Names of the weights whose gradients are kept in factors."""
    return [f"{name}.weight" for name, part in module.named_modules() if isinstance(part, SparseLinear)]


class WithRowSteps(torch.optim.AdamW):
    """Adam with true weight decay for dense parameters; for the rows of sparse layers, Adagrad with one scale per row.

    ``sum += mean(g ** 2); row -= rate * (g / sqrt(sum) + decay * row)`` for the gradient g of each touched row. A rare
    feature learns faster than a frequent one, and the labels of a feature keep their proportions, which Adam's scale of
    each single weight takes from them. The state is one number per feature, and for each part of a layer.

    Args:
        groups: Of parameters; the weight of each layer is alone in one.
        layers: The sparse layers, which keep their gradients in factors from now on.
        learning_rate: Of groups that have none.

    Source: Duchi, Hazan and Singer, Adaptive subgradient methods, JMLR 2011, fig. 1, with one scale per row.
    """

    def __init__(self, groups: list[dict[str, Any]], *, layers: Sequence[SparseLinear], learning_rate: float) -> None:
        super().__init__(groups, lr=learning_rate)
        self.layers = {id(layer.weight): layer for layer in layers}
        for layer in layers:
            layer.in_factors = True
            size = (layer.num_features, layer.parts) if layer.parts > 1 else (layer.num_features,)
            sums = torch.zeros(size, device=layer.weight.device)
            self.state[layer.weight] = {"sum": sums, "step": torch.tensor(0.0)}  # the second is what Adam's states have

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, those in factors too."""
        super().zero_grad(set_to_none)
        for layer in self.layers.values():
            layer.slopes.clear()

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Take a step with the gradients that came since the last ``zero_grad``."""
        loss = super().step(closure)
        for group in self.param_groups:
            layer = self.layers.get(id(group["params"][0]))
            if layer is not None and (slopes := _of_all_ranks(layer.slopes)):
                _step(layer.weight, self.state[layer.weight]["sum"], slopes, group["lr"], group["weight_decay"])
                layer.slopes.clear()  # here, because a loop may forget dense gradients without asking the optimiser
        return loss


def _step(weight: Tensor, sums: Tensor, slopes: list[Slopes], rate: float, decay: float) -> None:
    inputs, outputs = [part.inputs for part in slopes], [part.outputs for part in slopes]
    if native_rows.serves(weight, sums, *inputs, *outputs):
        return native_rows.step(weight, sums, inputs, outputs, rate=rate, decay=decay)
    sums = sums.view(len(sums), -1)  # (features, parts)
    for rows, gradient in rows_of_gradient(slopes):
        of_parts = gradient.view(len(rows), sums.shape[1], -1)
        total = sums[rows] + of_parts.square().mean(dim=2)
        sums[rows] = total
        of_parts.mul_((-rate / (total.sqrt() + native_rows.LEAST)).unsqueeze(2))
        if decay:
            gradient.add_(weight[rows], alpha=-rate * decay)
        weight.index_add_(0, rows, gradient)


def _of_all_ranks(slopes: list[Slopes]) -> list[Slopes]:
    """The gradients of all processes, in the order of their ranks, scaled to the mean over them."""
    if not (dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
        return slopes
    ranks = dist.get_world_size()
    found: list[list[Slopes]] = [[] for _ in range(ranks)]
    mine = [Slopes(part.inputs.cpu(), part.outputs.cpu()) for part in slopes]
    dist.all_gather_object(found, mine)
    device = slopes[0].outputs.device
    return [Slopes(part.inputs.to(device), part.outputs.to(device) / ranks) for parts in found for part in parts]
