// SPDX-License-Identifier: MIT
#include "base/units.h"

#include <gtest/gtest.h>

namespace hearth {
namespace {

TEST(Units, bytes_change_their_unit_at_powers_of_1024) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1024), "1.0 KiB");
  EXPECT_EQ(format_bytes(kMiB + kMiB / 2), "1.5 MiB");
  EXPECT_EQ(format_bytes(kGiB * 9 + kGiB / 10), "9.1 GiB");
  EXPECT_EQ(format_bytes(UINT64_MAX), "17179869184.0 GiB");
}

TEST(Units, counts_of_parameters_read_as_models_are_named) {
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1000), "1.0 K");
  EXPECT_EQ(format_count(134'515'008), "135 M");
  EXPECT_EQ(format_count(1'543'714'304), "1.54 B");
}

TEST(Units, durations_get_the_digits_that_matter) {
  EXPECT_EQ(format_ms(0.25), "0.2 ms");
  EXPECT_EQ(format_ms(850), "850 ms");
  EXPECT_EQ(format_ms(3200), "3.2 s");
  EXPECT_EQ(format_ms(250'000), "4 min 10 s");
}

}  // namespace
}  // namespace hearth
