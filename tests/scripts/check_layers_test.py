# SPDX-License-Identifier: MIT
"""scripts/check_layers refuses what it is there for."""
import bad_tree


class CheckLayers(bad_tree.TreeTest):
    def setUp(self):
        super().setUp()
        self.write("scripts/layers.txt", "base:\nos: base\nos/inner: os <stdint.h>\ntext: base\n")
        self.write("scripts/owners.txt", '# who\n"secret\\. : src/os/*\n')
        self.write("src/os/a.h", '#include <vector>\n#include "base/b.h"\n#include "os/c.h"\n')

    def test_an_allowed_include_passes(self):
        self.assert_accepted("check_layers")

    def test_an_include_against_the_flow_is_refused_with_its_line(self):
        self.write("src/base/b.h", '#pragma once\n#include "os/a.h"\n')
        self.assert_refused("check_layers", 'src/base/b.h:2: base may not include os ("os/a.h")')

    def test_the_longest_folder_decides(self):
        self.write("src/text/t.cpp", '#include "os/inner/x.h"\n')
        self.write("src/os/inner/x.h", '#include "base/b.h"\n')
        self.write("src/os/deep/y.h", '#include "base/b.h"\n')
        status, output = self.check("check_layers")
        self.assertEqual(status, 1)
        self.assertIn("src/text/t.cpp:1: text may not include os/inner", output)
        self.assertIn("src/os/inner/x.h:1: os/inner may not include base", output)
        self.assertNotIn("deep", output)

    def test_a_parent_may_not_reach_into_its_child_unasked(self):
        self.write("src/os/a.cpp", '#include "os/inner/x.h"\n')
        self.assert_refused("check_layers", "src/os/a.cpp:1: os may not include os/inner")

    def test_a_folder_without_a_rule_is_refused(self):
        self.write("src/utils/u.h", "#pragma once\n")
        self.write("src/os/b.h", '#include "utils/u.h"\n')
        self.assert_refused("check_layers", "src/utils/u.h:1:", "src/os/b.h:1:")

    def test_system_headers_are_limited_where_the_rule_names_some(self):
        self.write("src/os/inner/x.cpp", "#include <stdint.h>\n  #  include <vector>\n")
        self.assert_refused("check_layers",
                            "src/os/inner/x.cpp:2: os/inner may not include <vector>")

    def test_a_literal_outside_its_owner_is_refused_but_not_in_a_comment(self):
        self.write("src/base/b.h", '// "secret.a"\nauto x = "secret.b"; /* "secret.c" */\n')
        self.write("src/os/d.h", 'auto x = "secret.d";\n')
        status, output = self.check("check_layers")
        self.assertEqual(status, 1)
        self.assertIn("src/base/b.h:2:", output)
        self.assertNotIn("b.h:1:", output)
        self.assertNotIn("d.h", output)

    def test_a_tree_without_sources_is_no_success(self):
        self.write("empty/scripts/layers.txt", "base:\n")
        self.write("empty/scripts/owners.txt", "")
        status, _ = self.check("check_layers", "--root", self.root + "/empty")
        self.assertEqual(status, 1)


bad_tree.main()
