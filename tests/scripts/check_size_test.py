# SPDX-License-Identifier: MIT
"""scripts/check_size refuses what it is there for."""
import bad_tree
from bad_tree import SPDX


def function(n_lines, header="int f() {"):
    return header + "\n" + "  work();\n" * (n_lines - 2) + "}\n"


class CheckSize(bad_tree.TreeTest):
    rules = ("banned.txt",)

    def setUp(self):
        super().setUp()
        self.write("src/base/fine.cpp", SPDX + "namespace hearth {\n" + function(80) + "}\n")

    def refuse(self, text, *messages, path="src/base/x.cpp"):
        self.write(path, SPDX + text)
        self.assert_refused("check_size", *messages)

    def accept(self, text, path="src/base/x.cpp"):
        self.write(path, SPDX + text)
        self.assert_accepted("check_size")

    def test_a_function_of_80_lines_passes_and_one_of_81_does_not(self):
        self.assert_accepted("check_size")
        self.refuse("\n" + function(81), "src/base/x.cpp:3: 81 lines, more than 80: int f()")

    def test_a_kernel_may_have_150_lines(self):
        self.accept(function(150), "src/backend/cpu/kernels/x.avx2.cpp")
        self.refuse(function(151), "151 lines", path="src/backend/cpu/kernels/x.avx2.cpp")

    def test_functions_are_found_in_all_their_forms(self):
        for header in (
            "template <class T>\n  requires std::is_arithmetic_v<T>\nT f(T a) {",
            "Foo::Foo(int a) : a_(a), b_{2} {",
            "bool operator==(const X& a, const X& b) {",
            "Result<std::vector<int>> f(std::span<const int> a) const noexcept {",
            "struct S {\n  int member() {",
            "TEST(Suite, a_sentence) {",
            "auto f(int a) -> Result<int> {",
            "struct X f(int a = 3) {",
        ):
            tail = "};\n" if header.startswith("struct S {") else ""
            n_lines = 81 - header.count("\n")
            if tail:
                n_lines += 1  # the struct's own line is no part of the function
            self.refuse(function(n_lines, header) + tail, "81 lines, more than 80")

    def test_a_lambda_counts_for_the_function_around_it(self):
        self.refuse("void f() {\n  auto g = [&](int a) {\n" + "  x();\n" * 78 + "  };\n}\n",
                    "82 lines")

    def test_types_namespaces_and_tables_are_no_functions(self):
        self.accept("namespace a {\nclass B final : public C<int()> {\n" + "  int a;\n" * 100
                    + "};\n}\n")
        self.accept("const Row kRows[] = {\n" + "    {f(1), 2},\n" * 100 + "};\n")
        self.accept("enum class E : int {\n" + "  kA,\n" * 100 + "};\n")

    def test_braces_in_literals_and_comments_do_not_count(self):
        self.accept("int f() { return g('{', \"}{{\", R\"x({{{)x\", 1'000'000); }  // {\n"
                    + "/* { */\n" + function(80))

    def test_a_file_of_801_lines_is_refused(self):
        self.accept("int a;\n" * 799)
        self.refuse("int a;\n" * 800, "src/base/x.cpp:801: the file has 801 lines")

    def test_a_line_of_101_columns_is_refused(self):
        self.accept("//" + "x" * 98 + "\n")
        self.refuse("//" + "x" * 99 + "\n", "src/base/x.cpp:2: 101 columns")

    def test_a_file_opens_with_its_licence(self):
        self.write("src/base/x.cpp", "int a;\n")
        self.write("scripts/tool", "#!/bin/sh\ntrue\n")
        self.assert_refused("check_size", "src/base/x.cpp:1:", "scripts/tool:1:")

    def test_banned_words_are_refused_in_code(self):
        for code in ("char* a = strtok(b, c);", "assert(a);", "std::regex r;", 'getenv("HOME");',
                     "std::exit(1);", "_exit(1);"):
            self.refuse(f"void f() {{ {code} }}\n", "src/base/x.cpp:2: '")

    def test_banned_words_pass_in_comments_and_where_they_belong(self):
        self.accept("// std::regex, assert( and strtok are banned\nstatic_assert(true);\n")
        self.accept('void f() { exit(1); }\n', "src/cli/main.cpp")
        self.accept('void f() { std::getenv("A"); }\n', "src/base/env.cpp")
        self.accept("void f() { using namespace layout; }\n")

    def test_using_namespace_is_refused_in_a_header(self):
        self.refuse("using namespace std;\n", "'using namespace'", path="src/base/x.h")

    def test_unfinished_work_and_paths_of_a_machine_are_refused_everywhere(self):
        self.refuse("// TO" + "DO: later\n", "src/base/x.cpp:2:")
        for path in ("/ho" + "me/someone/x", "/wo" + "rk/x", "/ro" + "ot/x", "/tm" + "p/models/x"):
            self.refuse(f'auto p = "{path}";\n', "src/base/x.cpp:2:")
        self.accept("// of src/work/x and a/home/b\n")


bad_tree.main()
