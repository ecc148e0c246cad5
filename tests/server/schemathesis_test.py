#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""docs/openapi.yaml against the server, with requests that schemathesis makes of it, sensible and
not: no answer is a 5xx (but those that the document promises), each is as the document says, and
the server lives. Models are toys: one for texts, one for vectors.

Usage: schemathesis_test.py HEARTH MAKE_TOY_MODEL [--examples 3] [--seed 7] [--phases fuzzing]
Needs the Python of build/inputs/clients. Same seed, same requests.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))
from serving import Client, Server  # noqa: E402 (the path comes first)

CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance",
          "response_schema_conformance", "response_headers_conformance")
MESSAGE = {"type": "object", "required": ["role", "content"], "properties": {
    "role": {"enum": ["system", "user", "assistant"]}, "content": {"type": "string"}}}
# What most requests need to come as far as an engine; the document cannot say it.
TELLING = {
    "model": {"enum": ["toy", "toy", "toy", "vectors", "nobody"]},
    "messages": {"type": "array", "minItems": 1, "maxItems": 3, "items": MESSAGE},
    "prompt": {"type": "string", "maxLength": 40},
    "input": {"type": "string", "maxLength": 40},
}
NEEDED = {"/v1/chat/completions": ["model", "messages"], "/v1/completions": ["model", "prompt"],
          "/v1/embeddings": ["model", "input"], "/v1/responses": ["model", "input"],
          "/api/chat": ["model", "messages"], "/api/generate": ["model", "prompt"],
          "/v1/messages": ["model", "messages", "max_tokens"],
          "/v1/messages/count_tokens": ["model", "messages"], "/api/embed": ["model", "input"],
          "/completion": ["prompt"], "/apply-template": ["messages"]}


def telling(document):
    """The document with values in it that the test's models understand."""
    del document["paths"]["/api/delete"]  # which would take the model away
    for path, methods in document["paths"].items():
        for operation in methods.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                schema = content["schema"]
                for name in TELLING.keys() & schema.get("properties", {}).keys():
                    schema["properties"][name] = TELLING[name]
                if path in NEEDED:
                    schema["required"] = NEEDED[path]
    return document


def run(args, server, document, folder):
    path = folder / "openapi.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    done = subprocess.run(
        [pathlib.Path(sys.executable).parent / "schemathesis", "run", path, "--url", server.url,
         "--checks", ",".join(CHECKS), "--phases", args.phases, "--mode", "all", "--no-shrink",
         "--max-examples", str(args.examples), "--seed", str(args.seed), "--warnings", "off",
         "--suppress-health-check", "all", "--continue-on-failure", "--request-timeout", "60",
         "--header", f"Authorization: Bearer {args.key}"],
        cwd=folder, capture_output=True, text=True, check=False)
    found = re.search(r"(\d+) (?:test cases )?generated", done.stdout)
    if done.returncode != 0 or not found:
        print(done.stdout[-args.tell:], done.stderr[-2000:])
    return done.returncode or not found, int(found.group(1)) if found else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("hearth")
    parser.add_argument("make_toy")
    parser.add_argument("--examples", type=int, default=3, help="of each route, and each document")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--phases", default="fuzzing")
    parser.add_argument("--tell", type=int, default=12_000, help="characters of a failed run")
    args = parser.parse_args()
    text = (ROOT / "docs" / "openapi.yaml").read_text(encoding="utf-8")
    server = Server(args.hearth, toys={"toy": "llama --vocabulary", "vectors": "bert --vocabulary"},
                    make_toy=args.make_toy)
    args.key = server.new_key("--admin")
    failed, n_all = 0, 0
    try:
        with tempfile.TemporaryDirectory() as folder, Client(server.url) as client:
            for document in (yaml.safe_load(text), telling(yaml.safe_load(text))):
                status, n = run(args, server, document, pathlib.Path(folder))
                failed, n_all = failed or status, n_all + n
            answer = client.complete("toy", "after all that", 4)
            failed = failed or not answer.good
            print(f"{n_all} requests; {server.metric(client, 'hearth_engine_restarts_total')} "
                  f"engines started again; the next answer: {answer.error or 'good'}")
            if failed:
                print(server.log_path.read_text(encoding="utf-8")[-3000:])
    finally:
        failed = server.stop() or failed
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
