# SPDX-License-Identifier: MIT
"""scripts/check_docs refuses what it is there for."""
import bad_tree


class CheckDocs(bad_tree.TreeTest):
    def setUp(self):
        super().setUp()
        self.write("src/base/a.h", "")
        self.write("docs/b.md", "[up](../README.md) and `src/base/`, `src/<any>/x.h`, `other/x`\n")

    def test_paths_that_exist_pass(self):
        self.write("README.md", "See [b](docs/b.md#part), `src/base/a.h` and [x](https://a.b/c).\n")
        self.assert_accepted("check_docs")

    def test_a_path_that_leads_nowhere_is_refused_with_its_line(self):
        self.write("README.md", "\n`src/base/gone.h --option` [c](docs/gone.md)\n")
        self.assert_refused("check_docs", "README.md:2: src/base/gone.h does not exist",
                            "README.md:2: docs/gone.md does not exist")

    def test_a_tree_without_documents_is_no_success(self):
        status, _ = self.check("check_docs", "--root", self.root + "/src")
        self.assertEqual(status, 1)


bad_tree.main()
