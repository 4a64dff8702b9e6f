"""Averaged weights, the ones that are evaluated and saved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain

import numpy as np
import torch
from torch import Tensor, nn

from lopsided.models import SparseLinear


def kept_share(count: Tensor, decay: float) -> Tensor:
    """Share of the average that stays when it has seen ``count`` steps: grows with them up to ``decay``.

    >>> [round(float(kept_share(torch.tensor(float(count)), 0.99)), 2) for count in (1, 10, 10_000)]
    [0.18, 0.55, 0.99]
    """
    return ((1 + count) / (10 + count)).clamp(max=decay)


class WeightAverage:
    """Exponential moving average of weights and normalisation statistics.

    The weights of sparse layers are not averaged: a step would have to touch the rows of all features, and they come to
    rest by themselves as their rate falls.

    Args:
        model: The network, on its device; it must go on to change its tensors in place.
        decay: Share of the average that stays at each step. Over the first steps it is (1 + n) / (10 + n) of step n,
            so that the average of a short run is not that of its first, random weights.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay, self.count = decay, 0
        apart = {id(module.weight) for module in model.modules() if isinstance(module, SparseLinear)}
        named_parameters = model.named_parameters(remove_duplicate=False)
        trained = ((n, p) for n, p in named_parameters if p.requires_grad and id(p) not in apart)
        named = dict(chain(trained, model.named_buffers(remove_duplicate=False)))
        self._pairs = {id(now): (now.detach().clone(), now.detach()) for now in named.values()}  # each tensor once
        self._by_name = {name: self._pairs[id(now)][0] for name, now in named.items()}
        floating = [pair for pair in self._pairs.values() if pair[0].is_floating_point()]
        self._floating = [kept for kept, _ in floating], [now for _, now in floating]
        self._counts = [pair for pair in self._pairs.values() if not pair[0].is_floating_point()]

    @torch.no_grad()
    def update(self) -> None:
        """Take a step's weights into the average; the first step's are the average."""
        averaged, current = self._floating
        taken = self._taken()
        if averaged:
            torch._foreach_lerp_(averaged, current, taken)  # pyright: ignore[reportPrivateImportUsage]
        for kept, now in self._counts:  # of batches that a normalisation has seen
            kept.copy_(now)
        self.count += 1

    def _taken(self) -> float:
        """Share of the next step's weights, in single precision."""
        if not self.count:
            return 1.0
        count = np.float32(self.count)
        return float(np.float32(1) - min((1 + count) / (10 + count), np.float32(self.decay)))

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within the block, the network has the averaged weights."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for kept, now in self._pairs.values():
            held = now.clone()
            now.copy_(kept)
            kept.copy_(held)

    def state_dict(self) -> dict[str, Tensor]:
        """The averaged tensors, by their names in the network; frozen weights are not among them."""
        return dict(self._by_name)

    @torch.no_grad()
    def load(self, tensors: dict[str, Tensor], *, count: int) -> None:
        """Go on with an average that has seen ``count`` steps."""
        for name, kept in self._by_name.items():
            if name in tensors:
                kept.copy_(tensors[name])
        self.count = count
