# SPDX-License-Identifier: MIT
"""scripts/check_files on small trees: one whose files lean on each other, one where none does."""
import os
import shutil
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
CMAKE = """cmake_minimum_required(VERSION 3.25)
project(small LANGUAGES CXX)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
add_library(small STATIC first.cpp second.cpp)
"""
PRESETS = '{"version": 6, "configurePresets": [{"name": "dev", "generator": "Ninja"}]}'
WHOLE = "#include <string>\nstd::string %s() { return {}; }\n"


class CheckFiles(unittest.TestCase):
    def setUp(self):
        self.tree = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.tree)
        os.mkdir(f"{self.tree}/scripts")
        shutil.copy(f"{ROOT}/scripts/check_files", f"{self.tree}/scripts/check_files")
        self.put("CMakeLists.txt", CMAKE)
        self.put("CMakePresets.json", PRESETS)
        self.put("first.cpp", WHOLE % "first")

    def put(self, name, text):
        with open(f"{self.tree}/{name}", "w", encoding="utf-8") as file:
            file.write(text)

    def check(self, *words):
        return subprocess.run([f"{self.tree}/scripts/check_files", *words], capture_output=True,
                              text=True)

    def test_files_that_include_what_they_need_pass(self):
        self.put("second.cpp", WHOLE % "second")
        done = self.check()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("2 files, 0 do not", done.stdout)

    def test_a_file_that_leans_on_another_is_named(self):
        self.put("second.cpp", "std::string second() { return {}; }\n")
        done = self.check()
        self.assertEqual(done.returncode, 1)
        self.assertIn("second.cpp:", done.stdout)
        self.assertIn("2 files, 1 do not", done.stdout)
        self.assertEqual(self.check("first").returncode, 0)

    def test_no_file_is_a_failure(self):
        self.put("second.cpp", WHOLE % "second")
        self.assertEqual(self.check("third").returncode, 1)


if __name__ == "__main__":
    unittest.main()
