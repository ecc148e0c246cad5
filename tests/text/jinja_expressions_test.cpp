// SPDX-License-Identifier: MIT
// Small templates, by hand and random, give what jinja2 gives: golden/jinja_expressions.json, made
// by capture_expressions.py. And what an error says.
#include <gtest/gtest.h>

#include <fstream>

#include "base/json.h"
#include "tests/support/paths.h"
#include "tests/text/jinja_rendering.h"

namespace hearth::text::jinja {
namespace {

using test::render;

TEST(JinjaExpressions, every_captured_template_gives_what_jinja2_gives_or_fails_where_it_raises) {
  std::ifstream file(hearth::test::source_dir() + "/tests/text/golden/jinja_expressions.json");
  const auto golden = parse_ordered_json(std::string{std::istreambuf_iterator<char>(file), {}});
  ASSERT_FALSE(golden.is_discarded());
  ASSERT_GE(golden["cases"].size(), 3000u);
  for (const auto& one : golden["cases"]) {
    const auto text = one[0].get<std::string>();
    const auto rendered = render(text, golden["variables"]);
    if (one[1].is_null()) {
      EXPECT_FALSE(rendered) << text << "\n gives " << rendered.value_or("");
    } else {
      EXPECT_EQ(rendered.value_or("(fails)"), one[1].get<std::string>())
          << text << (rendered ? "" : rendered.error().message);
    }
  }
}

TEST(JinjaExpressions, an_error_names_the_line_and_the_reason) {
  const auto message = [](std::string_view text) {
    const auto rendered = render(text);
    return rendered ? "no error" : rendered.error().message;
  };
  EXPECT_EQ(message("a\nb {{ x.y }}"), "line 2: 'x' is undefined");
  EXPECT_EQ(message("\n\n{{ raise_exception('only users') }}"), "line 3: only users");
  EXPECT_EQ(message("{% if x %}\nz"),
            "line 2: the template ends where 'elif' or 'else' or 'endif' was expected");
  EXPECT_EQ(message("\n{{ 'a' | shout }}"), "line 2: there is no filter named 'shout'");
  EXPECT_EQ(message("{{ 1 + 'a' }}"), "line 1: '+' is not possible between 'int' and 'str'");
  EXPECT_EQ(message("{% include 'x' %}"),
            "line 1: 'include' is refused: a chat template stands alone");
  EXPECT_EQ(message("{{ 'x\n"), "line 1: a string is not closed");
  EXPECT_EQ(message("\xFF"), "the template is not UTF-8 text");
}

TEST(JinjaExpressions, integers_past_64_bits_are_refused_and_never_wrapped) {
  for (const char* text :
       {"{{ 9223372036854775807 + 1 }}", "{{ -9223372036854775807 - 2 }}",
        "{{ 9223372036854775807 * 2 }}", "{{ 10 ** 19 }}", "{{ 9223372036854775808 }}",
        "{{ (-9223372036854775807 - 1) // -1 }}", "{{ -(-9223372036854775807 - 1) }}",
        "{{ (-9223372036854775807 - 1)|abs }}", "{{ '9223372036854775808'|int }}", "{{ 1e19|int }}",
        "{{ '%d' % 1e19 }}", "{{ 9223372036854775807|round(-1) }}"})
    EXPECT_FALSE(render(text)) << text;
  EXPECT_EQ(*render("{{ 9223372036854775806 + 1 }}"), "9223372036854775807");
}

}  // namespace
}  // namespace hearth::text::jinja
