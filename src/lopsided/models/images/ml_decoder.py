"""ML-Decoder: one query for each group of labels looks at the feature map."""

from __future__ import annotations

import torch
from torch import Tensor, nn

MAX_GROUPS = 100
HEADS = 8


class GroupLinear(nn.Module):
    """For each group of labels, a linear map from the group's own features to the logits of its labels.

    The labels are divided evenly, in order: the first ``num_labels % groups`` groups have one more than the others.
    Each label has ``num_features`` weights, as in one linear map; each group has at most one unused place.

    Args:
        num_features: Size of a group's features; inputs have shape ``(samples, groups, num_features)``.
        num_labels: Size of the output, logits of shape ``(samples, num_labels)``.
        groups: Number of groups, from 1 to ``num_labels``.

    Source: Ridnik et al., ML-Decoder, arXiv 2111.12933, group fully-connected pooling, where each group has
    ceil(labels / groups) labels, which leaves the last groups with fewer, or none.
    """

    def __init__(self, num_features: int, num_labels: int, *, groups: int) -> None:
        super().__init__()
        if not 1 <= groups <= num_labels:
            raise ValueError(f"expected groups to be from 1 to the number of labels ({num_labels}), got {groups}")
        size, larger = divmod(num_labels, groups)
        self.weight = nn.Parameter(torch.empty(groups, num_features, size + bool(larger)))
        self.bias = nn.Parameter(torch.zeros(num_labels))
        nn.init.trunc_normal_(self.weight, std=num_features**-0.5)
        # Where the labels' logits are among those of all groups; None where they are in order, without gaps.
        kept = torch.arange(self.weight.shape[2])[None] < size + (torch.arange(groups) < larger)[:, None]
        self.register_buffer("places", kept.flatten().nonzero().flatten() if larger else None, persistent=False)
        self.places: Tensor | None

    def forward(self, features: Tensor) -> Tensor:
        """Logits of shape ``(samples, num_labels)``."""
        logits = torch.bmm(features.transpose(0, 1), self.weight).transpose(0, 1).flatten(1)
        if self.places is not None:
            logits = logits[:, self.places]
        return logits + self.bias


class MLDecoder(nn.Module):
    """One decoder layer without self-attention, whose fixed queries look at every place of the feature map.

    Args:
        num_features: Channels of the feature map, shape ``(samples, num_features, height, width)``.
        num_labels: Size of the output, logits of shape ``(samples, num_labels)``.
        groups: Number of queries, one for each group of labels; by default one for each label, at most 100.
        width: Size of a query, a multiple of 8 (the attention heads).
        dropout: Share silenced while training, in [0, 1), of the attention, its output and the hidden units.

    The queries are drawn at random and not trained; they are saved with the weights. Memory grows with
    ``groups * places`` and ``groups * width``; more labels need only the memory of their logits.

    Source: Ridnik et al., ML-Decoder: Scalable and Versatile Classification Head, arXiv 2111.12933.
    """

    queries: Tensor

    def __init__(
        self, num_features: int, num_labels: int, *, groups: int | None = None, width: int = 768, dropout: float = 0.1
    ) -> None:
        super().__init__()
        groups = groups or min(MAX_GROUPS, num_labels)
        self.register_buffer("queries", torch.randn(groups, width))
        self.embed = nn.Sequential(nn.Linear(num_features, width), nn.ReLU())
        self.query_norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, HEADS, dropout=dropout, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.attention_norm = nn.LayerNorm(width)
        hidden = width * 8 // 3  # 2048 of 768, as published
        self.feed_forward = nn.Sequential(
            nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, width), nn.Dropout(dropout)
        )
        self.feed_forward_norm = nn.LayerNorm(width)
        self.labels = GroupLinear(width, num_labels, groups=groups)

    def forward(self, feature_map: Tensor) -> Tensor:
        """Logits of shape ``(samples, num_labels)``."""
        places = self.embed(feature_map.flatten(2).transpose(1, 2))
        queries = self.query_norm(self.queries).expand(
            feature_map.shape[0], -1, -1
        )  # not len(): an export would fix it
        found, _ = self.attention(queries, places, places, need_weights=False)
        answers = self.attention_norm(queries + self.dropout(found))
        answers = self.feed_forward_norm(answers + self.feed_forward(answers))
        return self.labels(answers)
