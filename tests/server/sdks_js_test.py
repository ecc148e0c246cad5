#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs sdks_js/sdks_test.mjs, the official JavaScript packages, against a running hearth.

Usage: sdks_js_test.py HEARTH MAKE_TOY_MODEL NODE FOLDER
FOLDER: where npm has installed the packages. The models are those of HEARTH_TEST_MODELS.
"""
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from serving import Server  # noqa: E402 (the path comes first)


def main():
    hearth, make_toy, node, folder = sys.argv[1:]
    server = Server(hearth, models=os.environ["HEARTH_TEST_MODELS"],
                    toys={"toy-bert": "bert --vocabulary"}, make_toy=make_toy)
    try:
        done = subprocess.run([node, HERE / "sdks_js" / "sdks_test.mjs", server.url, folder],
                              check=False)
    finally:
        status = server.stop()
    if status != 0:
        print(f"hearth serve ended with {status}")
    sys.exit(done.returncode or status)


if __name__ == "__main__":
    main()
