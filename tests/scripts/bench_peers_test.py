# SPDX-License-Identifier: MIT
"""scripts/bench_peers among false programs: what it asks of them, and what it writes."""
import json
import os
import stat
import subprocess

import bad_tree

SCRIPT = os.path.join(bad_tree.ROOT, "scripts", "bench_peers")
FALSE_HEARTH = """#!/usr/bin/env python3
import json, os, sys
words = sys.argv[1:]
with open(os.environ["LOG"], "a") as log:
    log.write(" ".join([os.environ.get("HEARTH_ISA", "-"), *words]) + "\\n")
if words[0] == "show":
    print(json.dumps({"file": "/models/m.gguf"}))
elif words[0] == "eval":
    print(json.dumps({"ppl": 20.0}))
elif os.environ.get("BUSY"):
    print(json.dumps({"error": {"message": "the machine is busy, no comparison: x"}}))
    sys.exit(1)
else:
    spread = {"median": 30.0, "min": 29.0, "max": 31.0}
    case = {"what": "decode", "tokens": 64, "depth": 0, "sequences": 1, "tps": spread,
            "read_fraction": 0.9, "int8_fraction": 0.1,
            "peer": {"name": "llama-bench", "tps": spread, "ratio": spread}}
    print(json.dumps({"cases": [case], "busy": False, "threads": 2, "read_gbps": 24.0}))
"""
FALSE_PERPLEXITY = """#!/bin/bash
echo "Final estimate: PPL over 4 chunks for n_ctx=512 = $PPL +/- 0.5"
"""


class BenchPeers(bad_tree.TreeTest):
    def setUp(self):
        super().setUp()
        self.log = os.path.join(self.root, "log")
        self.out = os.path.join(self.root, "rows.jsonl")
        self.command("hearth", FALSE_HEARTH)
        for name in ("llama-bench", "llama-batched-bench"):
            self.command(f"peer/build/bin/{name}", "#!/bin/bash\n")
        self.command("peer/build/bin/llama-perplexity", FALSE_PERPLEXITY)

    def command(self, name, text):
        self.write(name, text)
        path = os.path.join(self.root, name)
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)

    def run_script(self, *args, **variables):
        environment = {**os.environ, "LOG": self.log, "PPL": "20.1", **variables}
        environment.pop("HEARTH_ISA", None)
        return subprocess.run([SCRIPT, *args], env=environment, capture_output=True, text=True,
                              check=False)

    def measure(self, *args, **variables):
        return self.run_script("run", "m", "--llama", os.path.join(self.root, "peer"), "--hearth",
                               os.path.join(self.root, "hearth"), "--out", self.out, "--threads",
                               "2", *args, **variables)

    def rows(self):
        with open(self.out, encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def calls(self):
        with open(self.log, encoding="utf-8") as file:
            return file.read().splitlines()

    def test_rows_hold_the_figures_the_commit_and_the_peers_perplexity(self):
        done = self.measure("--what", "decode,streams", "--rounds", "7", "--isa", "avx2")
        self.assertEqual(done.returncode, 0, done.stderr)
        truth, decode, streams = self.rows()
        self.assertEqual(truth["what"], "perplexity")
        self.assertEqual((truth["peer"], truth["wrong"]), (20.1, False))
        for row in (decode, streams):
            self.assertEqual(row["peer_name"], "llama.cpp")
            self.assertEqual(row["tps"]["median"], 30.0)
            self.assertEqual(row["read_gbps"], 24.0)
            self.assertEqual(row["isa"], "avx2")
            self.assertTrue(row["commit"])
        self.assertIn("| m | decode 64 | 30.0 | 90% | llama.cpp 30.0 | 30.00", done.stdout)
        bin_folder = os.path.join(self.root, "peer/build/bin/")
        self.assertIn(f"avx2 bench m -p 0 --reps 7 -t 2 -n 64 --against llama-bench={bin_folder}"
                      f"llama-bench --against llama-batched-bench={bin_folder}llama-batched-bench "
                      "--json", self.calls())

    def test_a_peer_with_wrong_answers_is_no_peer(self):
        done = self.measure(PPL="108.7")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([row["wrong"] for row in self.rows()], [True])
        self.assertIn("no peer", done.stdout)

    def test_random_weights_have_no_perplexity(self):
        done = self.measure("--random", "--what", "decode", PPL="108.7")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([row["what"] for row in self.rows()], ["decode"])

    def test_a_busy_machine_ends_the_run_with_its_words(self):
        done = self.measure(BUSY="1")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("the machine is busy", done.stderr)
        self.assertEqual([row["what"] for row in self.rows()], ["perplexity"])

    def test_what_is_missing_is_said(self):
        for args, words in ((("run", "m", "--llama", self.root), "has no llama-"),
                            (("run", "m"), "give --llama or --ik"),
                            (("build", "llama.cpp", os.path.join(bad_tree.ROOT, "x")), "inside"),
                            (("build", "ik_llama.cpp", self.root, "/none"), "needs the folder"),
                            (("run", "m", "--llama", "x", "--what", "y"), "--what y")):
            done = self.run_script(*args, "--hearth", os.path.join(self.root, "hearth")) \
                if args[0] == "run" else self.run_script(*args)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(words, done.stderr)


bad_tree.main()
