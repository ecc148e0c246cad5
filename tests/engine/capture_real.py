#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes golden/real_NAME.json: what llama.cpp computes on the three real models.

For each model and each text of texts/, the first tokens of the text, teacher-forced, twice: on the
file itself with llama.cpp's defaults (quantized activations, f16 cache), and on an f32 copy of the
same weights with an f32 cache and no flash attention, which is the float truth. For the default
model also greedy answers to a few questions, rendered by the model's own template.
  {"model", "sha256", "texts": [{"text", "ids", "positions": [[ids, float, peer, peer_best]...]}],
   "answers": [{"question", "prompt", "ids", "margins"}...]}
position i: of the token after ids[i], the ten likeliest of float, their float log-probabilities,
llama.cpp's for the same ten, and llama.cpp's likeliest id; log-probabilities in 1/10000.
Usage: pip install llama-cpp-python==0.3.36 numpy jinja2; capture_real.py MODELS_FOLDER F32_FOLDER
  MODELS_FOLDER/NAME/model.gguf as hearth stores them; F32_FOLDER/NAME.gguf made by
  llama-quantize --allow-requantize MODEL F32_FOLDER/NAME.gguf F32
(LLAMA_CPP_LIB_PATH=folder chooses another libllama of the same version.)
"""
import ctypes
import hashlib
import json
import pathlib
import sys

import jinja2.sandbox
import llama_cpp
import numpy as np

FOLDER = pathlib.Path(__file__).parent
TOP = 10
UNIT = 10000
# Tokens of each text: the large model is slow in a test.
N_TOKENS = {
    "smollm2-135m": {"english": 300, "vietnamese": 300, "code": 160},
    "gemma3-270m": {"english": 140, "vietnamese": 140, "code": 80},
    "qwen2.5-coder-1.5b": {"english": 70, "vietnamese": 70, "code": 70},
}
QUESTIONS = [
    "What is the capital of France?",
    "Write a short poem about the sea.",
    "Explain in two sentences why the sky is blue.",
    "Write a Python function that reverses a string.",
    "Xin chào! Bạn có thể nói tiếng Việt không?",
    "List three fruits and their colours.",
]
N_ANSWER = 64


class Run:
    """One model in one context."""

    def __init__(self, path, is_float):
        model_params = llama_cpp.llama_model_default_params()
        model_params.n_gpu_layers = 0
        self.model = llama_cpp.llama_model_load_from_file(str(path).encode(), model_params)
        if not self.model:
            raise RuntimeError(f"llama.cpp refuses {path}")
        params = llama_cpp.llama_context_default_params()
        params.n_ctx = params.n_batch = params.n_ubatch = 512
        params.n_threads = params.n_threads_batch = 1
        if is_float:
            params.type_k = params.type_v = llama_cpp.GGML_TYPE_F32
            params.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
        self.context = llama_cpp.llama_init_from_model(self.model, params)
        self.vocab = llama_cpp.llama_model_get_vocab(self.model)
        self.n_vocab = llama_cpp.llama_vocab_n_tokens(self.vocab)

    def close(self):
        llama_cpp.llama_free(self.context)
        llama_cpp.llama_model_free(self.model)

    def tokenize(self, text, special):
        data = text.encode()
        ids = (ctypes.c_int32 * (len(data) + 8))()
        n = llama_cpp.llama_tokenize(self.vocab, data, len(data), ids, len(ids), special, special)
        return list(ids[:n])

    def logprobs(self, ids, n_past, last_only):
        """log-probabilities [rows, V] after the tokens, which stand at n_past and after."""
        if n_past == 0:
            llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self.context), True)
        batch = llama_cpp.llama_batch_init(len(ids), 0, 1)
        batch.n_tokens = len(ids)
        for i, token in enumerate(ids):
            batch.token[i] = token
            batch.pos[i] = n_past + i
            batch.n_seq_id[i] = 1
            batch.seq_id[i][0] = 0
            batch.logits[i] = not last_only or i == len(ids) - 1
        if llama_cpp.llama_decode(self.context, batch) != 0:
            raise RuntimeError("llama.cpp cannot run the batch")
        rows = []
        for i in range(len(ids) - 1 if last_only else 0, len(ids)):
            row = llama_cpp.llama_get_logits_ith(self.context, i)
            logits = np.ctypeslib.as_array(row, (self.n_vocab,)).astype(np.float64)
            most = logits.max()
            rows.append(logits - most - np.log(np.exp(logits - most).sum()))
        llama_cpp.llama_batch_free(batch)
        return rows


def units(values):
    return [round(float(v) * UNIT) for v in values]


def texts_of(name, peer, truth):
    for text, n in N_TOKENS[name].items():
        words = (FOLDER / "texts" / f"{text}.txt").read_text(encoding="utf-8")
        ids = peer.tokenize(words, False)
        if llama_cpp.llama_vocab_get_add_bos(peer.vocab):
            ids.insert(0, llama_cpp.llama_vocab_bos(peer.vocab))
        ids = ids[:n]
        positions = []
        for exact, own in zip(truth.logprobs(ids, 0, False), peer.logprobs(ids, 0, False)):
            top = np.argsort(-exact, kind="stable")[:TOP]
            positions.append([top.tolist(), units(exact[top]), units(own[top]), int(own.argmax())])
        yield {"text": text, "ids": ids, "positions": positions}


def answers_of(peer):
    template = llama_cpp.llama_model_chat_template(peer.model, None).decode()
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    for question in QUESTIONS:
        messages = [{"role": "user", "content": question}]
        prompt = peer.tokenize(
            environment.from_string(template).render(messages=messages,
                                                     add_generation_prompt=True), True)
        ids, margins = [], []
        row = peer.logprobs(prompt, 0, True)[0]
        while len(ids) < N_ANSWER:
            first, second = np.argsort(-row, kind="stable")[:2]
            ids.append(int(first))
            margins.append(round(float(row[first] - row[second]) * UNIT))
            if llama_cpp.llama_vocab_is_eog(peer.vocab, int(first)):
                break
            row = peer.logprobs(ids[-1:], len(prompt) + len(ids) - 1, True)[0]
        yield {"question": question, "prompt": prompt, "ids": ids, "margins": margins}


def distance(texts):
    """mean |difference| of the five likeliest, and how many likeliest differ."""
    rows = [p for t in texts for p in t["positions"]]
    mean = np.mean([np.abs(np.subtract(p[1][:5], p[2][:5])).mean() for p in rows]) / UNIT
    return mean, sum(p[0][0] != p[3] for p in rows), len(rows)


def main():
    models, floats = map(pathlib.Path, sys.argv[1:3])
    quiet = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(
        lambda level, text, _: sys.stderr.buffer.write(text) if level == 4 else None)
    llama_cpp.llama_log_set(quiet, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    for name in sys.argv[3:] or N_TOKENS:
        path = models / name / "model.gguf"
        peer, truth = Run(path, False), Run(floats / f"{name}.gguf", True)
        texts = list(texts_of(name, peer, truth))
        result = {"model": name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                  "texts": texts,
                  "answers": list(answers_of(peer)) if name == "smollm2-135m" else []}
        peer.close()
        truth.close()
        out = FOLDER / "golden" / f"real_{name}.json"
        out.write_text(json.dumps(result, separators=(",", ":"), ensure_ascii=False) + "\n",
                       encoding="utf-8")
        print(name, "%.4f mean distance, %d of %d likeliest differ" % distance(texts), flush=True)


if __name__ == "__main__":
    main()
