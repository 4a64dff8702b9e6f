"""The last layer and its loss in one, where the logits of a batch would be large."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lopsided.asymmetry import AdaptiveAsymmetricLoss, gap_sums
from lopsided.asymmetry.probability_gap import cross_entropy_and_gap, sum_over_ranks
from lopsided.losses.kernels.call import Call
from lopsided.losses.many_labels.job import checked_job, parts_of_labels
from lopsided.losses.many_labels.linear import loss_of_layer
from lopsided.losses.many_labels.target_chunks import target_chunks
from lopsided.models import SparseLinear
from lopsided.models.last_layer import LastLayer
from lopsided.models.sparse_loss import loss_of_sparse_layer

MOST_LOGITS = 2**21
"""Of a batch, up to which they are held: 8 MB, of which a step has four to six copies."""


class Outcome(NamedTuple):
    """What a step learns by, and what its log has."""

    loss: Tensor  # shape (), differentiable
    cross_entropy: Tensor  # shape (): summed over labels, mean over samples
    gap_sums: Tensor  # shape (4,)


def outcome(
    last: LastLayer,
    criterion: Any,
    inputs: Tensor,
    targets: Tensor,
    mask: Tensor | None,
    weight: Tensor | None = None,
) -> Outcome:
    """Loss of a batch by a member of the asymmetric family, with what is logged of it, some labels at a time.

    Args:
        last: The network.
        criterion: The loss; a training one whose focus adapts takes its step.
        inputs: Of the network.
        targets: Shape ``(samples, labels)``, CSR or dense.
        mask: True where known, of that shape; None for all.
        weight: Factor of each element, broadcasts to that shape; None for 1.
    """
    features = last.body(inputs)
    adapts = isinstance(criterion, AdaptiveAsymmetricLoss)
    per_label = adapts and criterion.per_label
    costs, sums = list[Tensor](), list[Tensor]()

    def watch(call: Call) -> None:
        cost, gap = cross_entropy_and_gap(call.logits.detach(), call.targets, mask=call.mask)
        costs.append(cost)
        sums.append(gap_sums(call.logits, call.targets, mask=call.mask, per_label=True) if per_label else gap)

    device = features.device.type
    with torch.autocast(device, enabled=False):  # of the types that the body gives, and the weights in these
        like = last.layer.weight.new_empty(()).expand(inputs.shape[0], last.num_labels)
        job = checked_job(
            like,
            targets,
            focus=(criterion.gamma_pos, criterion.gamma_neg, criterion.present_margin),
            mask=mask,
            loss_weight=weight,
            detach_focus=criterion.detach_focus,
            reduction=criterion.reduction,
            watch=watch,
        )
        if isinstance(last.layer, SparseLinear):
            loss = loss_of_sparse_layer(features, last.layer, job)
        else:
            loss = loss_of_layer(features, last.layer.weight, last.layer.bias, job)
    gap = torch.cat(sums, dim=1) if per_label else torch.stack(sums).sum(dim=0)
    if adapts and criterion.training:
        criterion.follow(sum_over_ranks(gap))
    return Outcome(loss, torch.stack(costs).sum(), gap.sum(dim=1) if per_label else gap)


def pieces(
    last: LastLayer, inputs: Tensor, targets: Tensor, mask: Tensor | None
) -> Iterator[tuple[int, Tensor, Tensor, Tensor | None]]:
    """Logits, targets and mask of some labels at a time, with the number of the first one."""
    features = last.body(inputs)
    shape = torch.Size((inputs.shape[0], last.num_labels))
    chunks = target_chunks(targets, shape, indices=False)
    for part in parts_of_labels(*shape):
        known = None if mask is None else mask[:, part]
        yield part.start, last.logits(features, part).float(), chunks.dense(part), known
