// SPDX-License-Identifier: MIT
// The oracle is arithmetic in a wider type, exhaustive over all pairs of 8-bit values.
#include "base/checked.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace hearth {
namespace {

template <class T>
void expect_as_in_wide_arithmetic() {
  for (int a = std::numeric_limits<T>::min(); a <= std::numeric_limits<T>::max(); ++a) {
    for (int b = std::numeric_limits<T>::min(); b <= std::numeric_limits<T>::max(); ++b) {
      const auto sum = checked_add(static_cast<T>(a), static_cast<T>(b));
      const auto product = checked_mul(static_cast<T>(a), static_cast<T>(b));
      ASSERT_EQ(sum.has_value(), std::in_range<T>(a + b)) << a << " + " << b;
      ASSERT_EQ(product.has_value(), std::in_range<T>(a * b)) << a << " * " << b;
      ASSERT_EQ(sum.value_or(0), sum ? a + b : 0);
      ASSERT_EQ(product.value_or(0), product ? a * b : 0);
    }
  }
}

TEST(Checked, add_and_multiply_every_pair_of_8_bit_values) {
  expect_as_in_wide_arithmetic<uint8_t>();
  expect_as_in_wide_arithmetic<int8_t>();
}

TEST(Checked, the_edges_of_64_bits) {
  EXPECT_EQ(checked_add<uint64_t>(UINT64_MAX, 0), UINT64_MAX);
  EXPECT_EQ(checked_add<uint64_t>(UINT64_MAX, 1), std::nullopt);
  EXPECT_EQ(checked_mul<uint64_t>(uint64_t{1} << 32, uint64_t{1} << 32), std::nullopt);
  EXPECT_EQ(checked_mul<uint64_t>(uint64_t{1} << 32, (uint64_t{1} << 32) - 1),
            UINT64_MAX - UINT32_MAX);
  EXPECT_EQ(checked_mul<int64_t>(INT64_MIN, -1), std::nullopt);
}

TEST(Checked, align_up_gives_the_next_multiple_or_nothing) {
  for (int value = 0; value <= 255; ++value) {
    for (const int alignment : {1, 2, 4, 8, 16, 32, 64, 128}) {
      const int expected = (value + alignment - 1) / alignment * alignment;
      const auto aligned =
          checked_align_up(static_cast<uint8_t>(value), static_cast<uint8_t>(alignment));
      // The sum before rounding must fit too, which is what the function promises to check.
      ASSERT_EQ(aligned.has_value(), value + alignment - 1 <= 255) << value << " " << alignment;
      ASSERT_EQ(aligned.value_or(0), aligned ? expected : 0);
    }
  }
}

TEST(Checked, fits_knows_signs) {
  EXPECT_TRUE(fits<uint8_t>(255));
  EXPECT_FALSE(fits<uint8_t>(256));
  EXPECT_FALSE(fits<uint64_t>(-1));
  EXPECT_FALSE(fits<int64_t>(UINT64_MAX));
  EXPECT_EQ(checked_cast<int32_t>(int64_t{-5}), -5);
}

TEST(CheckedDeathTest, a_cast_that_loses_bits_ends_the_process) {
  EXPECT_DEATH((void)checked_cast<uint8_t>(256), "check failed");
}

}  // namespace
}  // namespace hearth
