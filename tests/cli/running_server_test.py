#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""hearth run asks a server that runs, and says so; hearth log shows what the server wrote, and no
text of users is in it. Usage: running_server_test.py HEARTH MAKE_TOY_MODEL"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from serving import free_port  # noqa: E402 (the path comes first)

HEARTH, MAKE_TOY = sys.argv[1:3]
del sys.argv[1:3]
SECRET = "PINEAPPLE"  # stands in every prompt


class RunningServer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="hearth-run-")
        home = cls.folder.name
        cls.port = free_port()
        cls.environment = {k: v for k, v in os.environ.items()
                           if not k.startswith(("HEARTH_", "OLLAMA_"))}
        cls.environment.update(HEARTH_HOME=home, HEARTH_PORT=str(cls.port))
        for name in ("toy", "other"):
            path = os.path.join(home, name + ".gguf")
            subprocess.run([MAKE_TOY, "llama", path, "--vocabulary"], check=True)
        subprocess.run([HEARTH, "import", os.path.join(home, "toy.gguf")], check=True,
                       env=cls.environment, stdout=subprocess.DEVNULL)
        cls.other = os.path.join(home, "other.gguf")
        cls.serve()

    @classmethod
    def serve(cls, *arguments):
        cls.server = subprocess.Popen([HEARTH, "serve", *arguments], env=cls.environment,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{cls.port}/health", timeout=5).read()
                return
            except OSError:
                if time.monotonic() > deadline or cls.server.poll() is not None:
                    raise
                time.sleep(0.02)

    @classmethod
    def stop(cls):
        cls.server.send_signal(signal.SIGTERM)
        assert cls.server.wait(timeout=60) == 0

    @classmethod
    def tearDownClass(cls):
        cls.stop()
        cls.folder.cleanup()

    def hearth(self, *arguments):
        return subprocess.run([HEARTH, *arguments], env=self.environment, text=True, timeout=120,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)

    def run_toy(self, *arguments, model="toy"):
        return self.hearth("run", model, f"Say {SECRET}", "-n", "12", "--temp", "0.9", "--seed",
                           "3", "--top-k", "30", "--ignore-eos", "-c", "256", *arguments)

    def test_a_running_server_answers_with_the_tokens_that_come_here(self):
        there, here = self.run_toy("--json"), self.run_toy("--json", "--local")
        self.assertEqual((there.returncode, here.returncode), (0, 0), there.stderr + here.stderr)
        self.assertIn(f"at the server http://127.0.0.1:{self.port}", there.stderr)
        self.assertNotIn("server", here.stderr)
        there, here = json.loads(there.stdout), json.loads(here.stdout)
        self.assertEqual(there["server"], f"http://127.0.0.1:{self.port}")
        for member in ("text", "tokens", "finish_reason", "prompt_tokens", "completion_tokens"):
            self.assertEqual(there[member], here[member], member)
        self.assertEqual(set(here) - set(there), set())
        self.assertEqual(set(here["timings"]), set(there["timings"]))
        text = self.run_toy()
        self.assertEqual(text.stdout, here["text"] + "\n")

    def test_what_only_a_process_of_its_own_has_runs_here(self):
        for options in (["--raw"], ["--threads", "1"], ["--logprobs", "1", "--json"]):
            done = self.run_toy(*options)
            self.assertEqual((done.returncode, done.stderr), (0, ""), options)

    def test_a_model_that_the_server_has_not_runs_here(self):
        done = self.run_toy(model=self.other)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_an_error_of_the_server_is_told(self):
        done = self.hearth("run", "toy", "hello " * 3000, "-c", "256")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "context holds")

    def test_a_server_that_wants_a_key_is_left_alone_and_that_is_said(self):
        self.stop()
        try:
            self.serve("--require-key", "--api-key", "k" * 40)
            done = self.run_toy()
            self.assertEqual(done.returncode, 0)
            self.assertIn("wants a key", done.stderr)
        finally:
            self.stop()
            self.serve()

    def test_the_log_is_shown_and_followed_and_has_no_text_of_users(self):
        path = self.hearth("log", "--path").stdout.strip()
        self.assertEqual(path, os.path.join(self.folder.name, "logs", "serve.log"))
        self.assertEqual(self.run_toy().returncode, 0)
        with subprocess.Popen([HEARTH, "log", "-n", "1", "--follow"], env=self.environment,
                              stdout=subprocess.PIPE, text=True) as follower:
            first = follower.stdout.readline()
            self.assertRegex(first, r"^\d{4}-\d\d-\d\d .* (info|warning) \[\d+\] ")
            self.stop()
            lines = [follower.stdout.readline()]
            while "serve: the end" not in lines[-1]:
                lines.append(follower.stdout.readline())
            follower.send_signal(signal.SIGINT)
            self.assertEqual(follower.wait(timeout=60), 0)
        self.serve()
        everything = self.hearth("log", "-n", "100000").stdout
        self.assertRegex(everything, "serve: hearth .* listens on http://127.0.0.1")
        self.assertIn("toy is loaded", everything)
        self.assertNotIn(SECRET, everything)


if __name__ == "__main__":
    unittest.main(verbosity=2)
