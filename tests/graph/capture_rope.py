#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes golden/rope.txt: RoPE frequencies and cosines from the papers' formulas, in double.

Written from the papers and from how the model families' published code defines their parameters,
not from src/graph/rope.cpp: frequencies by repeated definition per pair, YaRN's correction range by
searching pairs for their number of turns instead of by logarithms. Case lines hold
  case NAME n_rot theta freq_scale ext_factor attn_factor beta_fast beta_slow n_ctx_orig
  factors f...          (only where the case has them)
  freq v...             (every pair)
  at POSITION cos... sin...
Usage: pip install numpy; capture_rope.py
"""
import math
import pathlib

import numpy as np


def f32(value):
    return float(np.float32(value))


def turns(pair, n_rot, theta, n_ctx):
    """How often pair number `pair` (a real number) turns within n_ctx positions."""
    return n_ctx / (2 * math.pi * theta ** (2 * pair / n_rot))


def pair_of(wanted, n_rot, theta, n_ctx):
    """The real pair number that turns `wanted` times, by bisection: turns() falls with the pair."""
    low, high = -10.0 * n_rot, 10.0 * n_rot
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if turns(middle, n_rot, theta, n_ctx) > wanted else (low, middle)
    return (low + high) / 2


def yarn_keep(pair, n_rot, theta, n_ctx, fast, slow):
    """1: the pair stays as it was trained; 0: it is interpolated."""
    first = max(0, math.floor(pair_of(fast, n_rot, theta, n_ctx)))
    last = min(n_rot - 1, math.ceil(pair_of(slow, n_rot, theta, n_ctx)))
    if first == last:
        last += 0.001
    return 1 - min(1, max(0, (pair - first) / (last - first)))


def llama3_factors(n_rot, theta, factor, low_freq, high_freq, n_ctx):
    """Llama 3.1: long waves are divided by `factor`, short ones kept, blended between."""
    result = []
    for pair in range(n_rot // 2):
        wave = 2 * math.pi * theta ** (2 * pair / n_rot)
        if wave < n_ctx / high_freq:
            result.append(1.0)
        elif wave > n_ctx / low_freq:
            result.append(float(factor))
        else:
            smooth = (n_ctx / wave - low_freq) / (high_freq - low_freq)
            result.append(1 / ((1 - smooth) / factor + smooth))
    return [f32(value) for value in result]


CASES = [
    dict(name="plain", n_rot=64),
    dict(name="large_base", n_rot=128, theta=1e6),
    dict(name="linear", n_rot=80, scale=1 / 8),
    dict(name="yarn", n_rot=128, theta=1e6, scale=1 / 4, ext=1.0, n_ctx=32768,
         attn=f32(1 + 0.1 * math.log(4))),
    dict(name="yarn_oss", n_rot=64, theta=150000.0, scale=1 / 32, ext=1.0, n_ctx=4096,
         attn=f32(1 + 0.1 * math.log(32))),
    dict(name="yarn_deepseek", n_rot=64, theta=10000.0, scale=1 / 40, ext=1.0, n_ctx=4096,
         attn=f32(1 + 0.1 * 0.707 * math.log(40))),
    dict(name="yarn_half_ramp", n_rot=96, theta=500000.0, scale=1 / 16, ext=0.5, n_ctx=8192,
         fast=20.0, slow=2.0),
    dict(name="yarn_short_context", n_rot=32, theta=10000.0, scale=1 / 4, ext=1.0, n_ctx=128),
    dict(name="llama3", n_rot=64, theta=500000.0,
         factors=llama3_factors(64, 500000.0, 32, 1, 4, 8192)),
    dict(name="longrope", n_rot=96, attn=f32(math.sqrt(1 + math.log(32) / math.log(4096))),
         factors=[f32(1 + 0.7 * i ** 1.3) for i in range(48)]),
]
POSITIONS = [0, 1, 17, 4095, 131071]


def main():
    lines = ["# Made by capture_rope.py; its head describes the lines."]
    for case in CASES:
        n_rot, theta = case["n_rot"], f32(case.get("theta", 10000.0))
        scale, ext = f32(case.get("scale", 1.0)), case.get("ext", 0.0)
        attn, n_ctx = case.get("attn", 1.0), case.get("n_ctx", 0)
        fast, slow = case.get("fast", 32.0), case.get("slow", 1.0)
        factors = case.get("factors")
        lines.append(f"case {case['name']} {n_rot} {theta!r} {scale!r} {ext} {attn!r} "
                     f"{fast} {slow} {n_ctx}")
        if factors:
            lines.append("factors " + " ".join(repr(f) for f in factors))
        freq = []
        for pair in range(n_rot // 2):
            value = 1 / theta ** (2 * pair / n_rot)
            if factors:
                value /= factors[pair]
            if ext:
                keep = ext * yarn_keep(pair, n_rot, theta, n_ctx, fast, slow)
                value = keep * value + (1 - keep) * value * scale
            else:
                value *= scale
            freq.append(value)
        lines.append("freq " + " ".join(f"{v:.17g}" for v in freq))
        for position in POSITIONS:
            values = [attn * math.cos(position * f) for f in freq]
            values += [attn * math.sin(position * f) for f in freq]
            lines.append(f"at {position} " + " ".join(f"{v:.10g}" for v in values))
    folder = pathlib.Path(__file__).parent / "golden"
    folder.mkdir(exist_ok=True)
    (folder / "rope.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
