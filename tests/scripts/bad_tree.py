# SPDX-License-Identifier: MIT
"""Small source trees in a temporary folder, to see the checks of scripts/ fail where they must."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SPDX = "// SPDX-License-Identifier: MIT\n"


class TreeTest(unittest.TestCase):
    """A test with a tree of its own in self.root, which holds the named rules of scripts/."""

    rules = ()

    def setUp(self):
        self.root = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.root)
        for name in self.rules:
            self.write(f"scripts/{name}", self.read_real(f"scripts/{name}"))

    def read_real(self, path):
        with open(os.path.join(ROOT, path), encoding="utf-8") as file:
            return file.read()

    def write(self, path, text):
        path = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def check(self, script, *args):
        """(exit status, output) of a script of this repository, run on the tree."""
        command = [os.path.join(ROOT, "scripts", script), *(args or ("--root", self.root))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def assert_refused(self, script, *messages):
        status, output = self.check(script)
        self.assertEqual(status, 1, output)
        for message in messages:
            self.assertIn(message, output)

    def assert_accepted(self, script):
        status, output = self.check(script)
        self.assertEqual(status, 0, output)


def main():
    sys.dont_write_bytecode = True
    unittest.main()
