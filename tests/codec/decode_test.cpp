// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string>

#include "base/half.h"
#include "codec/codec.h"
#include "tests/codec/golden_blocks.h"
#include "tests/support/paths.h"

namespace hearth::codec {
namespace {

struct GoldenLine {
  std::string format;
  std::string name;
  size_t n_weights = 0;
  uint64_t hash = 0;
};

std::vector<GoldenLine> golden_lines() {
  std::ifstream in(test::source_dir() + "/tests/codec/golden/decode.txt");
  std::vector<GoldenLine> lines;
  for (std::string text; std::getline(in, text);) {
    if (text.starts_with("#")) continue;
    std::istringstream fields(text);
    GoldenLine line;
    fields >> line.format >> line.name >> line.n_weights >> std::hex >> line.hash;
    lines.push_back(line);
  }
  return lines;
}

// FNV-1a over the little-endian floats, every NaN as 0x7fc00000.
uint64_t hash_floats(std::span<const float> values) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const float value : values) {
    const uint32_t bits = std::isnan(value) ? 0x7fc00000u : std::bit_cast<uint32_t>(value);
    for (int i = 0; i < 4; ++i) {
      hash = (hash ^ ((bits >> (8 * i)) & 255u)) * 0x100000001b3u;
    }
  }
  return hash;
}

TEST(Decode, equals_the_original_implementation_bit_for_bit) {
  const std::vector<GoldenLine> lines = golden_lines();
  ASSERT_EQ(lines.size(), 3 * all_dtypes().size());
  for (size_t i = 0; i < lines.size(); ++i) {
    const GoldenLine& line = lines[i];
    const auto type = dtype_from_name(line.format);
    ASSERT_TRUE(type) << line.format;
    const size_t n_blocks = line.n_weights / static_cast<size_t>(info(*type).block_weights);
    const auto bytes = golden_blocks(*type, i / 3, line.name, n_blocks);
    std::vector<float> out(line.n_weights);
    decode_row(*type, bytes, out);
    EXPECT_EQ(hash_floats(out), line.hash) << line.format << " " << line.name;
  }
}

TEST(Decode, a_row_may_lie_at_any_address) {
  for (const DTypeInfo& format : all_dtypes()) {
    const auto size = static_cast<size_t>(format.block_bytes) * 2;
    const std::vector<uint8_t> bytes = splitmix_bytes(7, size);
    std::vector<float> expected(static_cast<size_t>(format.block_weights) * 2);
    decode_row(format.type, bytes, expected);
    for (size_t shift = 1; shift < 8; ++shift) {
      std::vector<uint8_t> moved(size + shift);
      std::copy(bytes.begin(), bytes.end(), moved.begin() + static_cast<std::ptrdiff_t>(shift));
      std::vector<float> out(expected.size());
      decode_row(format.type, std::span(moved).subspan(shift), out);
      EXPECT_EQ(hash_floats(out), hash_floats(expected)) << format.name << " +" << shift;
    }
  }
}

TEST(Decode, an_empty_row_is_a_row) {
  for (const DTypeInfo& format : all_dtypes()) decode_row(format.type, {}, {});
}

TEST(DecodeDeath, sizes_that_disagree_are_a_programmers_mistake) {
  std::vector<uint8_t> row(18);
  std::vector<float> out(64);
  EXPECT_DEATH(decode_row(DType::kQ4_0, row, out), "row_bytes");
}

// Every 16-bit pattern of the two half formats, against the definitions of the formats.
TEST(Decode, every_half_pattern_is_its_value) {
  std::vector<uint8_t> row;
  for (uint32_t bits = 0; bits < 0x10000u; ++bits) {
    row.push_back(static_cast<uint8_t>(bits));
    row.push_back(static_cast<uint8_t>(bits >> 8));
  }
  std::vector<float> f16(0x10000);
  std::vector<float> bf16(0x10000);
  decode_row(DType::kF16, row, f16);
  decode_row(DType::kBF16, row, bf16);
  for (uint32_t bits = 0; bits < 0x10000u; ++bits) {
    const double sign = bits & 0x8000u ? -1.0 : 1.0;
    const int exponent = static_cast<int>(bits >> 10 & 31);
    const double mantissa = bits & 1023u;
    if (exponent < 31) {
      const double value =
          exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
      EXPECT_EQ(f16[bits], sign * value) << bits;
    }
    EXPECT_EQ(std::bit_cast<uint32_t>(bf16[bits]), bits << 16);
  }
}

// One block by hand for each way in which bits are packed, so that a reader can follow the text of
// docs/formats/weights.md without the golden values.
TEST(Decode, the_small_blocks_follow_their_formulas) {
  const uint16_t half = f16_from_f32(0.5f);
  const auto lo = static_cast<uint8_t>(half);
  const auto hi = static_cast<uint8_t>(half >> 8);
  std::vector<float> out(32);

  std::vector<uint8_t> q4_0(18, 0x88);
  q4_0[0] = lo, q4_0[1] = hi, q4_0[2 + 3] = 0x1f;  // weights 3 and 19
  decode_row(DType::kQ4_0, q4_0, out);
  EXPECT_EQ(out[3], 0.5f * 7);
  EXPECT_EQ(out[19], 0.5f * -7);
  EXPECT_EQ(out[4], 0.0f);

  std::vector<uint8_t> q5_1(24, 0);
  q5_1[0] = lo, q5_1[1] = hi, q5_1[2] = lo, q5_1[3] = hi;
  q5_1[4 + 2] = 0x02;  // fifth bit of weight 17
  q5_1[8 + 1] = 0x30;  // low bits of weight 17: 3
  decode_row(DType::kQ5_1, q5_1, out);
  EXPECT_EQ(out[17], 0.5f * 19 + 0.5f);
  EXPECT_EQ(out[1], 0.5f);

  std::vector<uint8_t> mxfp4(17, 0);
  mxfp4[0] = 128;        // 2^1
  mxfp4[1 + 15] = 0xf5;  // weight 15: 3, weight 31: -6
  decode_row(DType::kMXFP4, mxfp4, out);
  EXPECT_EQ(out[15], 6.0f);
  EXPECT_EQ(out[31], -12.0f);
}

}  // namespace
}  // namespace hearth::codec
