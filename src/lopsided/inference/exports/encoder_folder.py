"""A text encoder with its head as transformers has it: its weights, its tokeniser and what its card says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import lopsided
from lopsided.data.texts.tokens import TokenPreparation
from lopsided.inference.exports.card import about_results, data_of
from lopsided.inference.thresholds import Decision
from lopsided.models import TextNetwork
from lopsided.runs.folder import RunFolder, Trained

_PADDING = ("[PAD]", "<pad>", "<|padding|>", "<|endoftext|>", "[UNK]", "<unk>")
"""What tokenisers call the token behind the end of a text, the likeliest first; it is masked, whichever it is."""

_POOLED = {
    "mean": ('mask = batch["attention_mask"].unsqueeze(-1)', "logits = (each * mask).sum(1) / mask.sum(1)"),
    "first": ("logits = each[:, 0]",),
}


class EncoderFolder:
    """What of a folder is about transformers.

    transformers has no class for one linear layer on the mean of all tokens. It has one for a linear layer on each
    token, and the mean of these logits is the logit of the mean.

    Args:
        trained: A run's network.

    Raises:
        ModuleNotFoundError: transformers is not installed.
        ValueError: transformers puts more than one linear layer on the tokens of this encoder.
    """

    load = 'network = AutoModelForTokenClassification.from_pretrained("{folder}").eval()'

    def __init__(self, trained: Trained) -> None:
        assert isinstance(trained.model, TextNetwork)
        assert isinstance(trained.preparation, TokenPreparation)
        self.trained, self.model, self.preparation = trained, trained.model, trained.preparation
        self.pooling = trained.model.backbone.pooling
        self.network = _for_transformers(trained.model, trained.labels)
        self.architecture: str = type(self.network).__name__

    def write(self, folder: Path) -> None:
        """Write weights, configuration and tokeniser."""
        from transformers import PreTrainedTokenizerFast

        self.network.save_pretrained(folder)
        tokenizer = self.preparation.encode
        padding = next((token for token in _PADDING if tokenizer.token_to_id(token) is not None), None)
        names = {} if padding is None else {"pad_token": padding}
        PreTrainedTokenizerFast(
            tokenizer_object=tokenizer,
            model_max_length=self.preparation.max_length,
            model_input_names=["input_ids", "attention_mask"],
            **names,
        ).save_pretrained(folder)
        about = {"pooling": self.pooling, "max_length": self.preparation.max_length, "labels": self.trained.labels}
        (folder / "lopsided.json").write_text(json.dumps(about, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    def card(self, run: RunFolder, decision: Decision, *, with_onnx: bool) -> str:
        """A model card: what it was trained on, how good it is, how to use it."""
        labels, title = len(self.trained.labels), run.config().report.title
        lines = [
            *("---", "library_name: transformers", "pipeline_tag: text-classification"),
            *(
                "tags:",
                "- multi-label",
                "- lopsided",
                "---",
                "",
                f"# {title or f'{self.architecture}, {labels} labels'}",
            ),
            "",
            f"Says which of {labels} labels a text has; any number of them may be true. Trained with "
            f"lopsided {lopsided.__version__}.",
            *("", "## Data", ""),
            f"{data_of(run)} Of a text {self.preparation.max_length} tokens are read.",
            *about_results(run, self.trained, decision),
            *("", "## Use", ""),
            f"The head is one linear layer on the {'mean of all tokens' if self.pooling == 'mean' else 'first token'}. "
            "transformers has that as a layer on each token, so load it as below: "
            "`AutoModelForSequenceClassification` and `pipeline` would put an untrained layer in its place.",
            *("", "```python", *self._lines(), "```"),
        ]
        if with_onnx:
            lines += [
                "",
                "`model.onnx` takes the numbers of tokens, -1 behind the end of a text, and gives probabilities and "
                "decisions; its metadata says how.",
            ]
        return "\n".join(lines) + "\n"

    def _lines(self) -> list[str]:
        return [
            "import torch",
            "from transformers import AutoModelForTokenClassification, AutoTokenizer",
            "",
            'tokenizer = AutoTokenizer.from_pretrained("FOLDER")',
            'network = AutoModelForTokenClassification.from_pretrained("FOLDER").eval()',
            'batch = tokenizer(["a text", "another"], padding=True, truncation=True, return_tensors="pt")',
            "with torch.no_grad():",
            "    each = network(**batch).logits  # of each token",
            *_POOLED[self.pooling],
            "labels = network.config.id2label",
        ]

    def difference(self, folder: Path) -> float:
        """Largest difference of a logit between the network of transformers, loaded from the folder, and the run's."""
        from transformers import AutoModelForTokenClassification

        theirs: Any = AutoModelForTokenClassification.from_pretrained(folder).eval()
        size = self.preparation.encode.get_vocab_size()
        ids = torch.randint(0, size, (3, min(16, self.preparation.max_length)), generator=torch.Generator())
        ids[1, -2:] = ids[2, 1:] = -1
        mask = ids >= 0
        with torch.inference_mode():
            wanted: Tensor = self.model(ids)
            each = theirs(input_ids=ids.clamp(min=0), attention_mask=mask.long()).logits
            weights = mask.unsqueeze(-1)
            logits = each[:, 0] if self.pooling == "first" else (each * weights).sum(1) / weights.sum(1)
            difference = float((logits - wanted).abs().max())
        allowed = 1e-4 * max(1.0, float(wanted.abs().max()))
        if not difference <= allowed:
            raise ValueError(
                f"expected the logits of transformers to be those of the run to within {allowed:.1g}, got a difference "
                f"of {difference:.2g}; nothing was written"
            )
        return difference


def _for_transformers(model: TextNetwork, labels: tuple[str, ...]) -> Any:
    """The network of transformers with a linear layer on each token, with the weights of encoder and head."""
    from transformers import AutoModelForTokenClassification

    encoder: Any = model.backbone.network
    kind = encoder.config.model_type
    config = type(encoder.config).from_dict(encoder.config.to_dict())
    config.id2label, config.label2id = dict(enumerate(labels)), {name: k for k, name in enumerate(labels)}
    if type(config) not in AutoModelForTokenClassification._model_mapping:
        raise ValueError(f"expected an encoder of which transformers can classify tokens, got {kind}")
    network: Any = AutoModelForTokenClassification.from_config(config)
    head = [part for part in model.head.modules() if isinstance(part, nn.Linear)]
    wanted = network.state_dict()
    found = {f"{network.base_model_prefix}.{name}": tensor for name, tensor in encoder.state_dict().items()}
    found |= {f"classifier.{name}": tensor for name, tensor in head[-1].state_dict().items()}
    lacking = [name for name in wanted if name not in found or found[name].shape != wanted[name].shape]
    if lacking:
        raise ValueError(
            f"expected transformers to put one linear layer on the tokens of an encoder, got {type(network).__name__}, "
            f"which also has {', '.join(lacking[:3])}; export it to ONNX"
        )
    network.load_state_dict({name: found[name] for name in wanted})
    return network.eval()
