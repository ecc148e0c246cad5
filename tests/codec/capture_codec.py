#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Captures what the `gguf` package of PyPI decodes from seeded random blocks, for decode_test.cpp.

Out: golden/decode.txt, one line per format and case: name, case, number of weights, FNV-1a hash of
the decoded floats (every NaN as 0x7fc00000). Blocks come from splitmix64 (state = case number,
bytes of every output little endian), so that the test makes the same bytes. In the cases named
"special" the two bytes of each binary16 scale are replaced, block by block, by subnormals, zeros,
infinities and NaN. In "bytes" every byte of a block takes every value once: byte p of block b is
(b + 37 p) mod 256. Usage: pip install gguf numpy; capture_codec.py
"""
import pathlib

import numpy as np
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType as T
from gguf.quants import dequantize

FORMATS = ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K",
           "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS", "MXFP4"]
# Where binary16 scales lie in a block.
SCALES_AT = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
             "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
             "IQ4_NL": [0], "IQ4_XS": [0]}
SPECIAL = [0x0000, 0x8000, 0x0001, 0x8001, 0x03ff, 0x0400, 0x7bff, 0xfbff, 0x7c00, 0xfc00, 0x7e00,
           0xfd55]
MASK = (1 << 64) - 1


def splitmix_bytes(seed: int, n: int) -> np.ndarray:
    state, out = seed, bytearray()
    while len(out) < n:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        out += (z ^ (z >> 31)).to_bytes(8, "little")
    return np.frombuffer(bytes(out[:n]), dtype=np.uint8).copy()


def fnv1a(data: bytes) -> int:
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & MASK
    return value


def hash_floats(values: np.ndarray) -> int:
    bits = values.astype(np.float32).view(np.uint32).copy()
    bits[(bits & 0x7FFFFFFF) > 0x7F800000] = 0x7FC00000
    return fnv1a(bits.tobytes())


def main() -> None:
    lines = ["# Made by capture_codec.py with the PyPI package gguf. format case weights hash"]
    for index, name in enumerate(FORMATS):
        weights, size = GGML_QUANT_SIZES[T[name]]
        for case in ["random", "special", "bytes"]:
            blocks = 256 if weights > 1 else 2048
            data = splitmix_bytes(index * 2 + (case == "special"), blocks * size)
            if case == "bytes":
                block, place = np.divmod(np.arange(blocks * size), size)
                data = ((block + 37 * place) % 256).astype(np.uint8)
            if case == "special":
                for i, at in enumerate(SCALES_AT.get(name, [])):
                    for b in range(blocks):
                        bits = SPECIAL[(b + 5 * i) % len(SPECIAL)]
                        data[b * size + at] = bits & 255
                        data[b * size + at + 1] = bits >> 8
                if name == "MXFP4":
                    for b in range(blocks):
                        data[b * size] = [0, 1, 2, 3, 127, 253, 254, 255][b % 8]
            with np.errstate(all="ignore"):
                out = dequantize(data.reshape(1, -1), T[name]).reshape(-1)
            assert out.size == blocks * weights
            lines.append(f"{name.lower()} {case} {out.size} {hash_floats(out):016x}")
    folder = pathlib.Path(__file__).parent / "golden"
    folder.mkdir(exist_ok=True)
    (folder / "decode.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
