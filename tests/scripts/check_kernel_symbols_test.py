# SPDX-License-Identifier: MIT
"""scripts/check_kernel_symbols refuses what it is there for, on objects compiled here."""
import os
import subprocess

import bad_tree

KERNEL = "extern \"C\" void add_x_avx2(int* a) { ++*a; }\n"


class CheckKernelSymbols(bad_tree.TreeTest):
    def compile(self, text, name="x.avx2.cpp"):
        self.write(f"backend/cpu/kernels/{name}", text)
        path = os.path.join(self.root, "backend/cpu/kernels", name)
        subprocess.run([os.environ.get("CXX", "c++"), "-std=c++20", "-O0", "-c", path, "-o",
                        path + ".o"], check=True)

    def expect(self, status, message):
        found, output = self.check("check_kernel_symbols", self.root)
        self.assertEqual(found, status, output)
        self.assertIn(message, output)

    def test_one_function_and_local_ones_pass(self):
        self.compile("namespace { int twice(int a) { return 2 * a; } const int kTable[2] = {1}; }\n"
                     "void add(int* a) { *a = twice(*a) + kTable[*a]; }\n")
        self.expect(0, "1 objects, 0 broken rules")

    def test_a_template_of_a_shared_header_is_refused(self):
        self.compile("#include <algorithm>\n"
                     "void add(int* a) { *a = std::max(*a, 3); }\n")
        self.expect(1, "x.avx2.cpp.o: shared symbols")

    def test_a_second_function_is_refused(self):
        self.compile(KERNEL + "int helper(int a) { return a; }\n")
        self.expect(1, "2 exported functions")

    def test_exported_data_is_refused(self):
        self.compile(KERNEL + "extern const int kTable[2]; const int kTable[2] = {1, 2};\n")
        self.expect(1, "exported data kTable")

    def test_a_build_without_kernels_is_no_success(self):
        self.expect(1, "0 objects")


bad_tree.main()
