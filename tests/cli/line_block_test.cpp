// SPDX-License-Identifier: MIT
#include "cli/line_block.h"

#include <gtest/gtest.h>

#include <vector>

namespace hearth::cli {
namespace {

// Feeds all lines; the message must be complete at the last one and not before.
std::string joined(const std::vector<std::string>& lines) {
  LineBlock block;
  for (size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(block.feed(lines[i]), i + 1 == lines.size()) << lines[i];
    EXPECT_EQ(block.is_open(), i + 1 != lines.size()) << lines[i];
  }
  return block.take();
}

TEST(LineBlock, a_plain_line_is_a_message) {
  EXPECT_EQ(joined({"hello"}), "hello");
  EXPECT_EQ(joined({""}), "");
}

TEST(LineBlock, a_backslash_at_the_end_goes_on_and_two_are_text) {
  EXPECT_EQ(joined({"a\\", "b\\", "c"}), "a\nb\nc");
  EXPECT_EQ(joined({"C:\\\\"}), "C:\\\\");
  EXPECT_EQ(joined({"\\\\\\", "x"}), "\\\\\nx");
  EXPECT_EQ(joined({"\\", ""}), "\n");
}

TEST(LineBlock, triple_quotes_hold_everything_between_them) {
  EXPECT_EQ(joined({"\"\"\"", "a", "", "b\\", "\"\"\""}), "a\n\nb\\");
  EXPECT_EQ(joined({"\"\"\"a", "b\"\"\""}), "a\nb");
  EXPECT_EQ(joined({"\"\"\"one line\"\"\""}), "one line");
  EXPECT_EQ(joined({"\"\"\"\"\"\""}), "");
  EXPECT_EQ(joined({"\"\"\"", "\"\"\""}), "");
}

TEST(LineBlock, quotes_inside_a_line_or_after_a_backslash_are_text) {
  EXPECT_EQ(joined({"say \"\"\"hi"}), "say \"\"\"hi");
  EXPECT_EQ(joined({"a\\", "\"\"\"b"}), "a\n\"\"\"b");
}

TEST(LineBlock, take_in_the_middle_starts_afresh) {
  LineBlock block;
  EXPECT_FALSE(block.feed("\"\"\"dropped"));
  block.take();
  EXPECT_FALSE(block.is_open());
  EXPECT_TRUE(block.feed("new"));
  EXPECT_EQ(block.take(), "new");
}

}  // namespace
}  // namespace hearth::cli
