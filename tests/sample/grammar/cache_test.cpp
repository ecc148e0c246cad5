// SPDX-License-Identifier: MIT
#include "sample/grammar/cache.h"

#include "tests/sample/grammar/grammar_fixture.h"

namespace hearth::sample {
namespace {

TEST(GrammarCache, a_grammar_is_compiled_once_and_the_oldest_goes_first) {
  const auto table = test::table_of({"a", "b", "c"});
  int n_made = 0;
  const auto ask = [&](GrammarCache& cache, const std::string& text) {
    const auto mask = cache.mask(text, [&] {
      ++n_made;
      return parse_gbnf(text);
    });
    ASSERT_TRUE(mask.has_value());
    EXPECT_FALSE((*mask)->allowed().empty());
  };
  GrammarCache cache(table);
  const std::string a = "root ::= \"a\"", b = "root ::= \"b\"", c = "root ::= \"c\"";
  for (int i = 0; i < 5; ++i) ask(cache, a);
  EXPECT_EQ(n_made, 1);
  const size_t one = cache.bytes();
  EXPECT_GT(one, 100u);

  GrammarCache small(table, 2 * one + one / 2);
  n_made = 0;
  ask(small, a);
  ask(small, b);
  ask(small, a);
  ask(small, c);
  EXPECT_LE(small.bytes(), 2 * one + one / 2 + one);
  EXPECT_EQ(n_made, 3);
  ask(small, a);
  EXPECT_EQ(n_made, 3) << "asked for last but one: still here";
  ask(small, b);
  EXPECT_EQ(n_made, 4) << "was the oldest";
  EXPECT_LE(small.size(), 3u);
}

TEST(GrammarCache, an_error_is_passed_on_and_not_kept) {
  GrammarCache cache(test::table_of({"a"}));
  for (int i = 0; i < 2; ++i) {
    const auto mask = cache.mask("bad", [] { return parse_gbnf("root ::= ("); });
    ASSERT_FALSE(mask.has_value());
    EXPECT_NE(mask.error().message.find("never closed"), std::string::npos);
  }
  EXPECT_EQ(cache.size(), 0u);
  EXPECT_TRUE(cache.mask("bad", [] { return parse_gbnf("root ::= \"a\""); }).has_value());
}

TEST(GrammarCache, a_mask_outlives_its_grammar_in_the_cache) {
  GrammarCache cache(test::table_of({"a", "b"}), 1);
  const auto first = cache.mask("1", [] { return parse_gbnf("root ::= \"a\" \"b\""); });
  const auto second = cache.mask("2", [] { return parse_gbnf("root ::= \"b\""); });
  EXPECT_EQ(cache.size(), 1u);
  ASSERT_TRUE((*first)->accept(0).has_value());
  EXPECT_EQ((*first)->allowed()[0], 2u);
}

}  // namespace
}  // namespace hearth::sample
