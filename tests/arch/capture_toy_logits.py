#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes golden/toy_logits/: what llama.cpp computes for the toy models of toy_cases.txt.

For each case: make_toy_model writes the file; llama.cpp evaluates one batch of 40 fixed tokens with
f32 weights, an f32 cache and no flash attention, so that all activations are float. NAME.bin holds
the logits (encoders: hidden states) of all positions, [40, V] little-endian f32; index.txt holds
  NAME fnv1a64-of-the-gguf
Usage: pip install llama-cpp-python==0.3.36; capture_toy_logits.py MAKE_TOY_MODEL [NAME...]
(LLAMA_CPP_LIB_PATH=folder chooses another libllama of the same version.)
"""
import ctypes
import pathlib
import subprocess
import sys
import tempfile

import llama_cpp

FOLDER = pathlib.Path(__file__).parent
OUT = FOLDER / "golden" / "toy_logits"
N_TOKENS = 40
N_CONTEXT = 256
ENCODERS = ("bert", "nomic-bert")


def fnv1a64(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def token(i, n_vocab):
    return (i * i * 7 + i * 13 + 5) % n_vocab


def evaluate(path, is_encoder):
    model_params = llama_cpp.llama_model_default_params()
    model_params.n_gpu_layers = 0
    model = llama_cpp.llama_model_load_from_file(str(path).encode(), model_params)
    if not model:
        raise RuntimeError("llama.cpp refuses the file")
    params = llama_cpp.llama_context_default_params()
    params.n_ctx = N_CONTEXT
    params.n_batch = params.n_ubatch = N_TOKENS
    params.n_threads = params.n_threads_batch = 1
    params.type_k = params.type_v = llama_cpp.GGML_TYPE_F32
    params.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
    params.embeddings = is_encoder
    params.pooling_type = llama_cpp.LLAMA_POOLING_TYPE_NONE
    context = llama_cpp.llama_init_from_model(model, params)
    n_vocab = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model))
    width = llama_cpp.llama_model_n_embd(model) if is_encoder else n_vocab

    batch = llama_cpp.llama_batch_init(N_TOKENS, 0, 1)
    batch.n_tokens = N_TOKENS
    for i in range(N_TOKENS):
        batch.token[i] = token(i, n_vocab)
        batch.pos[i] = i
        batch.n_seq_id[i] = 1
        batch.seq_id[i][0] = 0
        batch.logits[i] = 1
    run = llama_cpp.llama_encode if is_encoder else llama_cpp.llama_decode
    if run(context, batch) != 0:
        raise RuntimeError("llama.cpp cannot run the batch")
    row = llama_cpp.llama_get_embeddings_ith if is_encoder else llama_cpp.llama_get_logits_ith
    result = b"".join(
        ctypes.string_at(row(context, i), 4 * width) for i in range(N_TOKENS))
    llama_cpp.llama_batch_free(batch)
    llama_cpp.llama_free(context)
    llama_cpp.llama_model_free(model)
    return result


def main():
    make_toy_model, only = sys.argv[1], sys.argv[2:]
    OUT.mkdir(parents=True, exist_ok=True)
    quiet = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(
        lambda level, text, _: sys.stderr.buffer.write(text) if level == 4 else None)
    llama_cpp.llama_log_set(quiet, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    index = {}
    if (OUT / "index.txt").exists():
        index = dict(line.split() for line in (OUT / "index.txt").read_text().splitlines())
    names = []
    with tempfile.TemporaryDirectory() as folder:
        for line in (FOLDER / "toy_cases.txt").read_text().splitlines():
            if line.startswith("#"):
                continue
            name, arch, *options = line.split()
            names.append(name)
            if only and name not in only:
                continue
            path = pathlib.Path(folder) / "toy.gguf"
            subprocess.run([make_toy_model, arch, path, *options], check=True)
            print(name, flush=True)
            (OUT / f"{name}.bin").write_bytes(evaluate(path, arch in ENCODERS))
            index[name] = f"{fnv1a64(path.read_bytes()):016x}"
    text = "".join(f"{name} {index[name]}\n" for name in names)
    (OUT / "index.txt").write_text(text)


if __name__ == "__main__":
    main()
