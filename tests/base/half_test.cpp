// SPDX-License-Identifier: MIT
#include "base/half.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace hearth {
namespace {

TEST(Half, every_f16_value_survives_the_way_to_f32_and_back) {
  for (uint32_t bits = 0; bits < 0x10000u; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float value = f32_from_f16(half);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(f32_from_f16(f16_from_f32(value)))) << bits;
    } else {
      EXPECT_EQ(f16_from_f32(value), half) << bits;
    }
  }
}

TEST(Half, f32_rounds_to_the_nearest_f16_ties_to_even) {
  for (uint32_t bits = 0; bits < 0x7bffu; ++bits) {
    const float low = f32_from_f16(static_cast<uint16_t>(bits));
    const float high = f32_from_f16(static_cast<uint16_t>(bits + 1));
    const float middle = low + (high - low) / 2;
    const uint16_t even = static_cast<uint16_t>(bits % 2 == 0 ? bits : bits + 1);
    EXPECT_EQ(f16_from_f32(middle), even) << bits;
    EXPECT_EQ(f16_from_f32(std::nextafter(middle, low)), bits) << bits;
    EXPECT_EQ(f16_from_f32(std::nextafter(middle, high)), bits + 1) << bits;
    EXPECT_EQ(f16_from_f32(-middle), even | 0x8000u) << bits;
  }
  EXPECT_EQ(f16_from_f32(65519.0f), 0x7bffu);
  EXPECT_EQ(f16_from_f32(65520.0f), 0x7c00u);
  EXPECT_EQ(f16_from_f32(std::numeric_limits<float>::infinity()), 0x7c00u);
}

TEST(Half, bf16_rounds_to_nearest_even_and_keeps_nan) {
  EXPECT_EQ(bf16_from_f32(1.0f), 0x3f80u);
  EXPECT_EQ(bf16_from_f32(std::bit_cast<float>(0x3f808000u)), 0x3f80u);
  EXPECT_EQ(bf16_from_f32(std::bit_cast<float>(0x3f818000u)), 0x3f82u);
  EXPECT_TRUE(std::isnan(f32_from_bf16(bf16_from_f32(std::bit_cast<float>(0x7f800001u)))));
  for (uint32_t bits = 0; bits < 0x10000u; ++bits) {
    const float value = f32_from_bf16(static_cast<uint16_t>(bits));
    if (!std::isnan(value)) {
      EXPECT_EQ(bf16_from_f32(value), bits);
    }
  }
}

}  // namespace
}  // namespace hearth
