// SPDX-License-Identifier: MIT
#include "backend/cpu/limits.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "backend/cpu/kernel_table.h"
#include "base/units.h"

namespace hearth::cpu {
namespace {

// The exclusive or of all 8-byte words, which the reading loop returns.
uint64_t xor_of(const std::vector<uint8_t>& bytes) {
  uint64_t all = 0;
  for (size_t i = 0; i + 8 <= bytes.size(); i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, &bytes[i], 8);
    all ^= word;
  }
  return all;
}

TEST(Limits, reading_touches_every_byte_once_with_every_instruction_set) {
  for (const std::string_view isa : machine_isa_names()) {
    const LimitsTable loops = limits_table_for(isa);
    for (const int64_t n_units : {0, 1, 2, 9}) {
      std::vector<uint8_t> bytes(static_cast<size_t>(n_units * kReadUnit));
      for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * i + i / 256);
      const auto n_bytes = static_cast<int64_t>(bytes.size());
      EXPECT_EQ(loops.read(bytes.data(), n_bytes), xor_of(bytes)) << isa;
      for (size_t i = 0; i < bytes.size(); i += 101) {
        bytes[i] ^= 0x40;
        EXPECT_EQ(loops.read(bytes.data(), n_bytes), xor_of(bytes)) << isa << " byte " << i;
      }
    }
  }
}

TEST(Limits, the_int8_loop_counts_its_work_in_proportion_to_its_rounds) {
  for (const std::string_view isa : machine_isa_names()) {
    const LimitsTable loops = limits_table_for(isa);
    EXPECT_EQ(loops.int8_macs(0), 0) << isa;
    EXPECT_GT(loops.int8_macs(1), 0) << isa;
    EXPECT_EQ(loops.int8_macs(1000), 1000 * loops.int8_macs(1)) << isa;
  }
}

TEST(Limits, measuring_gives_rates_that_a_machine_can_have) {
  const auto limits = measure_limits(2, 8 * kMiB);
  ASSERT_TRUE(limits.has_value()) << limits.error().message;
  EXPECT_EQ(limits->n_threads, 2);
  // Wide bounds against wrong units: 10 MB/s to 100 TB/s, a million to 10^16 multiply-adds.
  for (const double rate : {limits->read_bytes_per_s, limits->read_bytes_per_s_one_thread}) {
    EXPECT_GT(rate, 1e7);
    EXPECT_LT(rate, 1e14);
  }
  for (const double rate : {limits->int8_macs_per_s, limits->int8_macs_per_s_one_thread}) {
    EXPECT_GT(rate, 1e6);
    EXPECT_LT(rate, 1e16);
  }
}

}  // namespace
}  // namespace hearth::cpu
