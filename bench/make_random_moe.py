#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes a mixture of experts in the shape of Qwen3-30B-A3B, with fewer layers and random weights:
for measuring speed where the real file (18 GB) does not fit.

    build/inputs/venv/bin/python bench/make_random_moe.py OUT.gguf [--layers 4]

Needs the packages of scripts/test_requirements.txt. Weights have the formats of a Q4_K_M file; they
are random bits with scales that keep the values near 1/sqrt(2048), so that nothing overflows and
every token chooses other experts. A layer takes 0.4 GB. Equal arguments give equal bytes.
"""
import argparse

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Type

# The dimensions of Qwen3-30B-A3B but for layers and vocabulary.
D, HEADS, KV_HEADS, HEAD, EXPERTS, USED, X, VOCABULARY = 2048, 32, 4, 128, 128, 8, 768, 32000
SPREAD = D ** -0.5
BLOCK = 256  # weights of a super-block


def q4_k(random, rows, cols):
    """Blocks d, dmin, 12 bytes of scales and minima, 128 of nibbles: w = 32 d (q - 7.5)."""
    n = rows * cols // BLOCK
    d = SPREAD / (32 * np.sqrt((16 ** 2 - 1) / 12))
    head = np.array([d, 7.5 * d], np.float16).view(np.uint8)
    scales = np.array([160] * 8 + [0] * 4, np.uint8)  # every scale and every minimum is 32
    nibbles = random.integers(0, 256, (n, 128), np.uint8)
    front = np.broadcast_to(np.concatenate([head, scales]), (n, 16))
    return np.concatenate([front, nibbles], axis=1).reshape(rows, -1), Type.Q4_K


def q6_k(random, rows, cols):
    """Blocks of 128 low nibbles, 64 bytes of high pairs, 16 scales, d: w = 8 d (q - 32)."""
    n = rows * cols // BLOCK
    d = SPREAD / (8 * np.sqrt((64 ** 2 - 1) / 12))
    tail = np.concatenate([np.full(16, 8, np.uint8), np.array([d], np.float16).view(np.uint8)])
    bits = random.integers(0, 256, (n, 192), np.uint8)
    blocks = np.concatenate([bits, np.broadcast_to(tail, (n, 18))], axis=1)
    return blocks.reshape(rows, -1), Type.Q6_K


def add(writer, name, made, *outer):
    data, kind = made
    writer.add_tensor(name, data.reshape(*outer, data.shape[-1]), raw_dtype=kind)


def add_layer(writer, random, i, is_fine):
    """is_fine: values and down products have the finer format, as half of the layers have it."""
    fine = q6_k if is_fine else q4_k
    name = f"blk.{i}."
    for norm, size in (("attn_norm", D), ("ffn_norm", D), ("attn_q_norm", HEAD),
                       ("attn_k_norm", HEAD)):
        writer.add_tensor(f"{name}{norm}.weight", np.ones(size, np.float32))
    for matrix, rows, cols, encode in (("attn_q", HEADS * HEAD, D, q4_k),
                                       ("attn_k", KV_HEADS * HEAD, D, q4_k),
                                       ("attn_v", KV_HEADS * HEAD, D, fine),
                                       ("attn_output", D, HEADS * HEAD, q4_k)):
        add(writer, f"{name}{matrix}.weight", encode(random, rows, cols), rows)
    router = random.normal(0, SPREAD, (EXPERTS, D)).astype(np.float32)
    writer.add_tensor(f"{name}ffn_gate_inp.weight", router)
    for matrix, rows, cols, encode in (("gate", X, D, q4_k), ("up", X, D, q4_k),
                                       ("down", D, X, fine)):
        add(writer, f"{name}ffn_{matrix}_exps.weight", encode(random, EXPERTS * rows, cols),
            EXPERTS, rows)


def add_metadata(writer, n_layers):
    writer.add_context_length(40960)
    writer.add_block_count(n_layers)
    writer.add_embedding_length(D)
    writer.add_feed_forward_length(3 * D)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_key_length(HEAD)
    writer.add_value_length(HEAD)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1e6)
    writer.add_expert_count(EXPERTS)
    writer.add_expert_used_count(USED)
    writer.add_expert_feed_forward_length(X)
    # Any tokens will do: a benchmark chooses them by number.
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list([f"<{i}>" for i in range(VOCABULARY)])
    writer.add_token_types([gguf.TokenType.NORMAL] * VOCABULARY)
    writer.add_token_merges(["a b"])
    writer.add_eos_token_id(0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out")
    parser.add_argument("--layers", type=int, default=4)
    args = parser.parse_args()
    random = np.random.default_rng(1)
    writer = gguf.GGUFWriter(args.out, "qwen3moe")
    add_metadata(writer, args.layers)
    add(writer, "token_embd.weight", q4_k(random, VOCABULARY, D), VOCABULARY)
    add(writer, "output.weight", q6_k(random, VOCABULARY, D), VOCABULARY)
    writer.add_tensor("output_norm.weight", np.ones(D, np.float32))
    for i in range(args.layers):
        add_layer(writer, random, i, i % 2 == 0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


main()
