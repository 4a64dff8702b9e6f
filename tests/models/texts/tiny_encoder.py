"""A folder with a small BERT of random weights, as an encoder has its files."""

import json

import pytest

WORDS = ["cat", "dog", "purrs", "barks", "the", "a", "red", "green", "blue", "loud", "soft"]


def write_tiny_encoder(folder, *, size=32, layers=2, positions=64):
    """Write config.json, tokenizer.json and model.safetensors, and give the folder."""
    transformers = pytest.importorskip("transformers", reason="text encoders need transformers")
    import torch
    from safetensors.torch import save_file
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    tokenizer = Tokenizer(models.WordLevel({word: k for k, word in enumerate(special + WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "model_type": "bert",
        "vocab_size": len(special + WORDS),
        "hidden_size": size,
        "num_hidden_layers": layers,
        "num_attention_heads": 2,
        "intermediate_size": 2 * size,
        "max_position_embeddings": positions,
    }
    (folder / "config.json").write_text(json.dumps(config))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = transformers.BertModel(transformers.BertConfig(**config), add_pooling_layer=False)
    tensors = {f"bert.{name}": tensor.clone() for name, tensor in network.state_dict().items()}
    save_file(tensors, str(folder / "model.safetensors"))
    return folder
