"""Loss and gradient of many labels, of which only some have logits at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor

from lopsided.losses.asymmetric import checked_settings
from lopsided.losses.checks import Focus, check_mask, check_reduction, check_weight
from lopsided.losses.formula import Settings
from lopsided.losses.kernels import value_and_gradient
from lopsided.losses.kernels.call import Call
from lopsided.losses.many_labels.target_chunks import TargetChunks, target_chunks
from lopsided.losses.reduction import divisor

LOGITS_AT_A_TIME = 1 << 22
"""16 MB of float32: enough for a matrix product at full speed, and little beside the weight of such a layer."""

Watch: TypeAlias = Callable[[Call], None]
"""Sees the logits, targets and mask of each part once; it must not keep them."""


def parts_of_labels(samples: int, labels: int) -> Iterator[slice]:
    """Neighbouring labels whose logits of so many samples are held at a time.

    >>> list(parts_of_labels(2**14, 600))
    [slice(0, 256, None), slice(256, 512, None), slice(512, 600, None)]
    """
    step = max(LOGITS_AT_A_TIME // max(samples, 1), 256)
    return (slice(first, min(first + step, labels)) for first in range(0, labels, step))


class Job(NamedTuple):
    """What a loss of many labels is computed from, other than the layer that gives their logits."""

    targets: TargetChunks
    settings: Settings
    mask: Tensor | None
    loss_weight: Tensor | None
    divisor: int | Tensor
    watch: Watch | None = None

    def run(self, logits_of: Callable[[slice], Tensor], *, want_slope: bool) -> Iterator[tuple[slice, Tensor, Tensor]]:
        """Go through the labels, part after part.

        Args:
            logits_of: Logits of a part of the labels, shape ``(samples, labels in part)``.
            want_slope: Whether gradients are needed.

        Yields:
            The part, its share of the loss (float64, divided), and the undivided derivative by its logits.
        """
        for part in parts_of_labels(*self.targets.shape):
            call = self._call(logits_of(part), part, want_slope=want_slope)
            losses, slope, _ = value_and_gradient(call)
            if self.watch is not None:
                self.watch(call)
            yield part, losses.sum(dtype=torch.float64) / self.divisor, slope

    def _call(self, logits: Tensor, part: slice, *, want_slope: bool) -> Call:
        operands = (*self.settings[:3], self.mask, self.loss_weight)
        *focus, mask, weight = (_labels(value, part, self.targets.shape[1]) for value in operands)
        settings = Settings(*focus, detach_focus=self.settings.detach_focus)
        return Call(logits, self.targets.dense(part), settings, mask, weight, want_slope=want_slope)


def checked_job(
    like: Tensor,
    targets: Tensor,
    *,
    focus: tuple[Focus, Focus, Focus],
    mask: Tensor | None = None,
    loss_weight: Tensor | None = None,
    detach_focus: bool = False,
    reduction: str = "mean",
    indices: bool = False,
    watch: Watch | None = None,
) -> Job:
    """What :func:`lopsided.losses.linear_asymmetric_loss` was told, checked.

    Args:
        like: Stands for all logits, with their shape ``(samples, labels)`` and type; its values are not read.
        targets, mask, loss_weight, detach_focus, reduction, indices: As for that loss.
        focus: gamma_pos, gamma_neg and margin.
        watch: Called with each part of the labels.
    """
    chunks = target_chunks(targets, like.shape, indices=indices)
    check_mask(mask, like)
    check_weight(loss_weight, like)
    if check_reduction(reduction) == "none":
        raise ValueError(
            'expected reduction to be "mean", "sum" or "batchmean", got "none": it would hold every element'
        )
    settings = checked_settings(like, *focus, detach_focus)
    count = divisor(like.shape, mask=mask, reduction=reduction)
    return Job(chunks, settings, mask, loss_weight, count, watch)


def _labels(value: Any, part: slice, labels: int) -> Any:
    """The part of a broadcast operand that belongs to some labels."""
    if isinstance(value, Tensor) and value.dim() and value.shape[-1] == labels:
        return value[..., part]
    return value
