#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every instruction set of this machine gives the same tokens, as HEARTH_ISA chooses them.

Usage: isa_test.py HEARTH MAKE_TOY_MODEL
Greedy answers of toy models of several architectures and weight formats, and of the default model
where it is in the folder HEARTH_TEST_MODELS (under HEARTH_TEST_STRICT it must be).
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HEARTH, MAKE_TOY = sys.argv[1:3]
# Quantized rows are multiples of 32 (of 256 for the formats with large blocks).
WIDE = ["--set", "D=256", "--set", "F=256", "--set", "K=64", "--set", "W=64", "--set", "R=64"]
TOYS = {
    "llama f32": ["llama"],
    "llama q4_1": ["llama", "--format", "q4_1", *WIDE],
    "llama q4_k": ["llama", "--format", "q4_k", *WIDE],
    "llama q6_k": ["llama", "--format", "q6_k", *WIDE],
    "qwen2 q5_0": ["qwen2", "--format", "q5_0", *WIDE],
    "qwen3moe q8_0": ["qwen3moe", "--format", "q8_0", *WIDE, "--set", "X=64"],
    "gemma3 bf16": ["gemma3", "--format", "bf16"],
    "gpt-oss f16": ["gpt-oss", "--format", "f16"],
    "deepseek2 f32": ["deepseek2"],
}


def hearth(isa, *arguments):
    environment = dict(os.environ)
    environment.pop("HEARTH_ISA", None)
    if isa is not None:
        environment["HEARTH_ISA"] = isa
    done = subprocess.run([HEARTH, *map(str, arguments)], env=environment, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(f"HEARTH_ISA={isa} hearth {arguments}: {done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def answer(isa, model, n_tokens):
    prompt = ",".join(str(i * 5 % 90) for i in range(30))
    run = hearth(isa, "run", model, "--tokens", prompt, "--raw", "--temp", "0", "-n", n_tokens,
                 "--ignore-eos", "--threads", "1", "-c", "256", "--json")
    assert len(run["tokens"]) == n_tokens, run
    return run["tokens"]


def main():
    isas = hearth(None, "doctor", "--quick", "--json")["cpu"]["instruction_sets"]
    assert isas[0] == "base", isas
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        models = []
        for name, options in TOYS.items():
            path = pathlib.Path(folder) / f"{name}.gguf"
            subprocess.run([MAKE_TOY, options[0], path, "--vocabulary", *options[1:]], check=True)
            models.append((name, path, 60))
        real = pathlib.Path(os.environ.get("HEARTH_TEST_MODELS", "")) / "smollm2-135m/model.gguf"
        if real.exists():
            models.append(("smollm2-135m", real, 120))
        elif os.environ.get("HEARTH_TEST_STRICT"):
            sys.exit(f"{real} is missing")
        else:
            print(f"{real} is missing: scripts/prepare_inputs fetches it")
        for name, path, n_tokens in models:
            answers = {isa: answer(isa, path, n_tokens) for isa in isas}
            for isa in isas[1:]:
                if answers[isa] != answers["base"]:
                    failures += 1
                    print(f"{name}: {isa} says {answers[isa]}, base {answers['base']}")
            assert len(set(answers["base"])) > 3, "an answer of one word shows nothing"
            print(f"{name}: {n_tokens} tokens with {' '.join(isas)}", flush=True)
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
