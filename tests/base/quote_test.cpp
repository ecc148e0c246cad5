// SPDX-License-Identifier: MIT
#include "base/quote.h"

#include <gtest/gtest.h>

namespace hearth {
namespace {

TEST(Quote, every_byte_becomes_printable_and_long_names_are_cut) {
  EXPECT_EQ(quote("blk.0.attn_q.weight"), "'blk.0.attn_q.weight'");
  EXPECT_EQ(quote("a\nb'\\\xff"), "'a\\x0ab\\x27\\x5c\\xff'");
  EXPECT_EQ(quote(""), "''");
  for (int byte = 0; byte < 256; ++byte) {
    for (const char c : quote(std::string(1, static_cast<char>(byte)))) {
      EXPECT_TRUE(c >= 0x20 && c < 0x7f) << byte;
    }
  }
  const std::string exact(kMaxQuoted, 'x');
  EXPECT_EQ(quote(exact), "'" + exact + "'");
  EXPECT_EQ(quote(exact + "y"), "'" + exact + "...'");
}

}  // namespace
}  // namespace hearth
