#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Captures the squared errors of the original quantizers, the bar for encode_error_test.cpp.

Out: golden/encode_error.txt, lines of: format sample weighted(0/1) error, where error is the sum of
importance * (x - decoded)^2 over the sample. Needs a shared library of ggml that exports quantize_*
and dequantize_row_* (the PyPI package llama-cpp-python builds libggml-base.so).
Samples have 16384 weights made from splitmix64, exactly as sample_weights() in the test makes them.
Usage: pip install numpy; capture_encode.py LIBGGML_BASE
"""
import ctypes
import pathlib
import sys

import numpy as np

from capture_codec import splitmix_bytes

N = 16384
FORMATS = ["q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q2_K", "q3_K", "q4_K", "q5_K", "q6_K", "iq4_nl",
           "iq4_xs", "mxfp4"]


def uniforms(seed, n):
    """n floats in [0, 1), multiples of 2^-24."""
    bits = splitmix_bytes(seed, 8 * n).view("<u8") >> np.uint64(40)
    return bits.astype(np.float32) * np.float32(2.0 ** -24)


def sample_weights(name):
    u = uniforms(11, 4 * N).reshape(N, 4)
    bell = (u[:, 0] + u[:, 1]) + (u[:, 2] + u[:, 3]) - np.float32(2)
    if name == "bell":
        return bell * np.float32(0.03125)
    if name == "heavy":
        return bell * bell * bell * np.float32(0.03125)
    if name == "shifted":
        return bell * np.float32(0.03125) + np.float32(0.03125)
    return (u[:, 0] * np.float32(2) - np.float32(1)) * np.float32(0.0625)


def importance():
    u = uniforms(12, N)
    return (u * u) * np.float32(8) + np.float32(0.125)


def main():
    lib = ctypes.CDLL(sys.argv[1])
    lines = ["# Made by capture_encode.py with libggml. format sample weighted error"]
    for name in ["bell", "heavy", "shifted", "uniform"]:
        x = np.ascontiguousarray(sample_weights(name), dtype=np.float32)
        for form in FORMATS:
            for weighted in [0, 1]:
                w = importance() if weighted else np.ones(N, np.float32)
                row, out = np.zeros(4 * N, np.uint8), np.zeros(N, np.float32)
                pointer = ctypes.c_void_p
                encode = getattr(lib, "quantize_" + form)
                encode.argtypes = [pointer, pointer, ctypes.c_int64, ctypes.c_int64, pointer]
                decode = getattr(lib, "dequantize_row_" + form)
                decode.argtypes = [pointer, pointer, ctypes.c_int64]
                encode(x.ctypes.data, row.ctypes.data, 1, N, w.ctypes.data if weighted else None)
                decode(row.ctypes.data, out.ctypes.data, N)
                error = np.sum(w.astype(np.float64) * (x.astype(np.float64) - out) ** 2)
                lines.append(f"{form.lower()} {name} {weighted} {error:.9g}")
    path = pathlib.Path(__file__).parent / "golden" / "encode_error.txt"
    path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
