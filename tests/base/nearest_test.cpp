// SPDX-License-Identifier: MIT
#include "base/nearest.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace hearth {
namespace {

TEST(Nearest, distance_counts_insertions_deletions_replacements_and_swaps) {
  EXPECT_EQ(edit_distance("", ""), 0);
  EXPECT_EQ(edit_distance("", "abc"), 3);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
  EXPECT_EQ(edit_distance("tokenise", "tokenize"), 1);
  EXPECT_EQ(edit_distance("lsit", "list"), 1);
  EXPECT_EQ(edit_distance("list", "list"), 0);
}

TEST(Nearest, a_word_that_is_far_from_all_has_no_nearest) {
  const std::vector<std::string> known = {"list", "run", "show"};
  EXPECT_EQ(nearest("lst", known), "list");
  EXPECT_EQ(nearest("shwo", known), "show");
  EXPECT_EQ(nearest("perplexity", known), std::nullopt);
  EXPECT_EQ(nearest("", known), std::nullopt);
  EXPECT_EQ(nearest(std::string(100000, 'a'), known), std::nullopt);
}

}  // namespace
}  // namespace hearth
