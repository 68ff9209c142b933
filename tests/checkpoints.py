"""A tiny transformer with random weights, as a checkpoint of Hugging Face's library."""

from __future__ import annotations

import string
from collections.abc import Iterable
from pathlib import Path


def write_checkpoint(folder: Path, words: Iterable[str] = ()) -> Path:
    """Write a BERT of two layers that knows these words and single characters.

    Args:
        folder: where; made if it isn't there.
    """
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    signs = [*string.ascii_lowercase, *string.digits, *"!?.,@#'&:;/-"]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *signs]
    vocabulary += [f"##{sign}" for sign in signs]
    vocabulary += [word.lower() for word in words if word.lower() not in vocabulary]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    tokenizer = BertTokenizer.from_pretrained(folder)
    assert tokenizer.tokenize("zab") == ["z", "##a", "##b"]
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = BertConfig(
        vocab_size=len(vocabulary), intermediate_size=64, max_position_embeddings=64, **sizes
    )
    with torch.random.fork_rng():
        torch.manual_seed(1)
        BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
