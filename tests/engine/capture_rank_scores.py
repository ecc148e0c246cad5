#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes golden/rank_scores.json: what transformers computes for the models of rank_cases.txt.

For each case make_toy_model writes the file; its tensors become the weights of the original class,
its vocabulary that of BertTokenizer. Each pair of texts is tokenized and scored in double
precision. GELU is the tanh form, as in hearth (docs/adding.md); the script also prints how far the
scores of the other form are away.
  {NAME: {"gguf": fnv1a64, "pairs": [{"query", "document", "tokens", "segments", "score"}]}}
RoBERTa's own tokenizer is a byte-level one; here its model gets the tokens of the toy vocabulary.
Positions are given, as GGUF files leave out the rows of RoBERTa's table that stand for padding.
Usage: pip install torch transformers==4.46.3 gguf; capture_rank_scores.py MAKE_TOY_MODEL
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import gguf
import torch
import transformers

FOLDER = pathlib.Path(__file__).parent
OUT = FOLDER / "golden" / "rank_scores.json"
QUERIES = ("where is the cat?", "Hello, WORLD!", "")
DOCUMENTS = (
    "The cat is in the world.",
    "hello",
    "",
    "caf\u00e9 \u0436 \u4e16 (1.5%)\tx\ny",
    "the cat and the hello world, " * 12,
)
OF_LAYER = {
    "attn_q": "attention.self.query",
    "attn_k": "attention.self.key",
    "attn_v": "attention.self.value",
    "attn_output": "attention.output.dense",
    "attn_output_norm": "attention.output.LayerNorm",
    "ffn_up": "intermediate.dense",
    "ffn_down": "output.dense",
    "layer_output_norm": "output.LayerNorm",
}
OF_MODEL = {
    "token_embd": "embeddings.word_embeddings",
    "position_embd": "embeddings.position_embeddings",
    "token_types": "embeddings.token_type_embeddings",
    "token_embd_norm": "embeddings.LayerNorm",
}
HEADS = {
    "BertForSequenceClassification": (
        "bert", {"cls": "bert.pooler.dense", "cls.output": "classifier"}),
    "RobertaForSequenceClassification": (
        "roberta", {"cls": "classifier.dense", "cls.output": "classifier.out_proj"}),
}


def fnv1a64(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def original_name(name, class_name):
    prefix, head = HEADS[class_name]
    name, _, kind = name.rpartition(".")
    if name in head:
        return f"{head[name]}.{kind}"
    if name in OF_MODEL:
        return f"{prefix}.{OF_MODEL[name]}.{kind}"
    _, layer, part = name.split(".")
    return f"{prefix}.encoder.layer.{layer}.{OF_LAYER[part]}.{kind}"


def make_model(reader, class_name, activation):
    def number(key):
        return reader.fields[f"bert.{key}"].contents()

    n_types = reader.fields["tokenizer.ggml.token_type_count"].contents()
    weights = {original_name(t.name, class_name):
               torch.tensor(t.data.reshape(t.shape[::-1].tolist())) for t in reader.tensors}
    is_roberta = class_name.startswith("Roberta")
    config_class = transformers.RobertaConfig if is_roberta else transformers.BertConfig
    config = config_class(
        vocab_size=len(reader.fields["tokenizer.ggml.tokens"].data),
        hidden_size=number("embedding_length"),
        num_hidden_layers=number("block_count"),
        num_attention_heads=number("attention.head_count"),
        intermediate_size=number("feed_forward_length"),
        max_position_embeddings=number("context_length"),
        type_vocab_size=n_types,
        layer_norm_eps=float(number("attention.layer_norm_epsilon")),
        hidden_act=activation,
        num_labels=1,
        pad_token_id=0)
    model = getattr(transformers, class_name)(config)
    missing, unexpected = model.load_state_dict(weights, strict=False)
    left = [name for name in missing if not name.endswith(("position_ids", "token_type_ids"))]
    if left or unexpected:
        raise RuntimeError(f"{class_name}: no weights for {left}, no place for {unexpected}")
    return model.double().eval()


def make_tokenizer(reader, folder):
    lines = []
    for token in reader.fields["tokenizer.ggml.tokens"].contents():
        is_marked = token.startswith("[") and token.endswith("]") and len(token) > 2
        if token.startswith("\u2581"):
            lines.append(token[1:])
        else:
            lines.append(token if is_marked else "##" + token)
    path = pathlib.Path(folder) / "vocab.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return transformers.BertTokenizer(str(path), do_lower_case=True)


def score(model, tokens, segments):
    with torch.no_grad():
        return model(input_ids=torch.tensor([tokens]), token_type_ids=torch.tensor([segments]),
                     position_ids=torch.arange(len(tokens))[None]).logits.item()


def capture(path, class_name, folder):
    reader = gguf.GGUFReader(path)
    tokenizer = make_tokenizer(reader, folder)
    model = make_model(reader, class_name, "gelu_pytorch_tanh")
    other = make_model(reader, class_name, "gelu")
    pairs, away = [], 0
    for query in QUERIES:
        for document in DOCUMENTS:
            both = tokenizer(query, document)
            tokens, segments = both["input_ids"], both["token_type_ids"]
            if class_name.startswith("Roberta"):
                segments = [0] * len(tokens)
            value = score(model, tokens, segments)
            away = max(away, abs(value - score(other, tokens, segments)))
            pairs.append({"query": query, "document": document, "tokens": tokens,
                          "segments": segments, "score": value})
    print(f"{path.stem}: the exact GELU is up to {away:.2g} away")
    return {"gguf": fnv1a64(path.read_bytes()), "pairs": pairs}


def main():
    golden = {}
    with tempfile.TemporaryDirectory() as folder:
        for line in (FOLDER / "rank_cases.txt").read_text().splitlines():
            if line.startswith("#"):
                continue
            name, class_name, arch, *options = line.split()
            path = pathlib.Path(folder) / f"{name}.gguf"
            subprocess.run([sys.argv[1], arch, path, *options], check=True)
            golden[name] = capture(path, class_name, folder)
    OUT.write_text("{" + ",\n".join(
        f'"{name}": {{"gguf": "{one["gguf"]}", "pairs": [\n'
        + ",\n".join(json.dumps(pair) for pair in one["pairs"]) + "]}"
        for name, one in golden.items()) + "}\n")


if __name__ == "__main__":
    main()
