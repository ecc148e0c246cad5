# SPDX-License-Identifier: MIT
"""scripts/check_format refuses a file that is not formatted, and --fix formats it."""
import shutil
import unittest

import bad_tree


@unittest.skipUnless(shutil.which("clang-format-16"), "clang-format-16 is missing")
class CheckFormat(bad_tree.TreeTest):
    def test_a_file_of_another_format_is_refused_and_mended(self):
        self.write(".clang-format", self.read_real(".clang-format"))
        self.write("src/a.cpp", "int  f( ){return 1 ;}\n")
        self.assert_refused("check_format", "src/a.cpp:1")
        status, output = self.check("check_format", "--fix", "--root", self.root)
        self.assertEqual(status, 0, output)
        self.assert_accepted("check_format")


bad_tree.main()
