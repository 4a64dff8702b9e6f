"""An encoder and a head: from numbers of tokens to logits."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor, nn

_LAYER = re.compile(r"(?:^|\.)(?:layer|layers|h|block|blocks)\.(\d+)\.")


class Encoder(nn.Module):
    """A network of transformers whose outputs, one for each token, are pooled to one for each text.

    Args:
        network: Gives ``last_hidden_state`` of ``input_ids`` and ``attention_mask``.
        name: What the options call it.
        pooling: ``mean`` over the tokens of a text, or the output at its ``first`` token.
        num_features: Size of an output.
    """

    def __init__(self, network: nn.Module, *, name: str, pooling: str, num_features: int) -> None:
        super().__init__()
        self.network, self.name, self.pooling, self.num_features = network, name, pooling, num_features

    def forward(self, ids: Tensor) -> Tensor:
        """Features of shape ``(samples, num_features)``, of numbers of tokens ``(samples, tokens)``, below 0 behind the
        end of a text."""
        mask = ids >= 0
        outputs = self.network(input_ids=ids.clamp(min=0), attention_mask=mask.long()).last_hidden_state
        if self.pooling == "first":
            return outputs[:, 0]
        weights = mask.unsqueeze(-1).to(outputs.dtype)
        return (outputs * weights).sum(1) / weights.sum(1).clamp(min=1)

    def layer_of(self) -> Mapping[str, int]:
        """The layer of each parameter by its name: 0 for embeddings, then as they follow each other."""
        found = {name: _LAYER.search(name) for name, _ in self.named_parameters()}
        layers = {name: 1 + int(match[1]) for name, match in found.items() if match}
        last = max(layers.values(), default=0)
        return {name: layers.get(name, 0 if "embed" in name else last) for name in found}


class TextNetwork(nn.Module):
    """Turns numbers of tokens into logits in two steps, each of which can be called alone: ``features``, then ``head``.

    Args:
        backbone: Turns numbers of tokens into features.
        head: Turns features into logits of shape ``(samples, labels)``.
        frozen: Leave the encoder as it is: it gets no gradient, and its dropout is off.
    """

    def __init__(self, backbone: Encoder, head: nn.Module, *, frozen: bool = False) -> None:
        super().__init__()
        self.backbone, self.head, self.frozen = backbone, head, frozen
        if frozen:
            self.backbone.requires_grad_(False)
            self.backbone.eval()

    def train(self, mode: bool = True) -> TextNetwork:
        """Switch to training mode, or out of it; a frozen encoder stays in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.backbone.eval()
        return self

    def features(self, ids: Tensor) -> Tensor:
        """Features of shape ``(samples, num_features)``."""
        return self.backbone(ids)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits of shape ``(samples, labels)``."""
        return self.head(self.features(ids))
