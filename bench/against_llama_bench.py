#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs hearth bench and llama-bench alternately on the same files and prints the ratios.

    bench/against_llama_bench.py --llama-bench PATH [--rounds 5] [--out FILE.jsonl] MODEL...

Every round measures both programs once on each model, one after the other, so that a drift of the
machine meets both. Standard output: one table row per model and kind with the medians and the
spread of the ratio, pair by pair. --out appends one JSON line per model with all figures, the
machine and the commit.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr or done.stdout}")
    return done.stdout


def model_file(hearth, name):
    return json.loads(run([hearth, "show", name, "--json"]))["file"]


def measure_hearth(hearth, model, options):
    command = [hearth, "bench", model, "--json", "--reps", "1", "-p", str(options.prompt),
               "-n", str(options.predict), "-t", str(options.threads)]
    result = json.loads(run(command))
    return result["prefill_tps"]["median"], result["decode_tps"]["median"], result


def measure_peer(peer, path, options):
    command = [peer, "-m", path, "-o", "json", "-r", "1", "-p", str(options.prompt),
               "-n", str(options.predict), "-t", str(options.threads)]
    prefill = decode = 0.0
    for row in json.loads(run(command)):
        if row["n_prompt"] > 0:
            prefill = row["avg_ts"]
        else:
            decode = row["avg_ts"]
    return prefill, decode


def summary(ours, peers):
    ratios = [a / b for a, b in zip(ours, peers)]
    return {"hearth_tps": statistics.median(ours), "peer_tps": statistics.median(peers),
            "ratio": statistics.median(ratios), "ratio_min": min(ratios),
            "ratio_max": max(ratios)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--llama-bench", required=True)
    parser.add_argument("--hearth", default="build/release/hearth")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("-p", "--prompt", type=int, default=512)
    parser.add_argument("-n", "--predict", type=int, default=64)
    parser.add_argument("-t", "--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--out")
    options = parser.parse_args()
    commit = run(["git", "rev-parse", "--short", "HEAD"]).strip()
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"the machine is not quiet: load {load:.1f}", file=sys.stderr)
    print("| model | what | hearth t/s | llama.cpp t/s | ratio (min to max) |")
    print("|---|---|---|---|---|")
    for model in options.models:
        path = model_file(options.hearth, model)
        figures = {"ours": [], "peer": []}
        for _ in range(options.rounds):
            prefill, decode, detail = measure_hearth(options.hearth, model, options)
            figures["ours"].append((prefill, decode))
            figures["peer"].append(measure_peer(options.llama_bench, path, options))
        record = {"model": model, "commit": commit, "rounds": options.rounds, "load": load,
                  "prompt": options.prompt, "predict": options.predict,
                  "threads": options.threads, "load_ms": detail["load_ms"],
                  "beside_file_bytes": detail["beside_file_bytes"],
                  "kv_bytes": detail["kv_bytes"], "machine": detail["machine"]}
        for i, what in enumerate(("prefill", "decode")):
            s = summary([f[i] for f in figures["ours"]], [f[i] for f in figures["peer"]])
            record[what] = s
            print(f"| {model} | {what} | {s['hearth_tps']:.1f} | {s['peer_tps']:.1f} | "
                  f"{s['ratio']:.2f} ({s['ratio_min']:.2f} to {s['ratio_max']:.2f}) |", flush=True)
        if options.out:
            with open(options.out, "a", encoding="utf-8") as out:
                out.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
