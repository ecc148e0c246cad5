// SPDX-License-Identifier: MIT
// The encoders against the formats' original quantizers, whose errors capture_encode.py recorded.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>
#include <string>

#include "codec/codec.h"
#include "tests/codec/golden_blocks.h"
#include "tests/support/paths.h"

namespace hearth::codec {
namespace {

constexpr size_t kRowWeights = 16384;

// Floats in [0, 1), multiples of 2^-24.
std::vector<float> uniforms(uint64_t seed, size_t n) {
  const std::vector<uint8_t> bytes = splitmix_bytes(seed, 8 * n);
  std::vector<float> values;
  for (size_t i = 0; i < n; ++i) {
    // The upper 24 bits of a little-endian 64-bit word.
    const uint32_t bits =
        bytes[8 * i + 5] | uint32_t{bytes[8 * i + 6]} << 8 | uint32_t{bytes[8 * i + 7]} << 16;
    values.push_back(static_cast<float>(bits) * 0x1p-24f);
  }
  return values;
}

std::vector<float> sample_weights(const std::string& name) {
  const std::vector<float> u = uniforms(11, 4 * kRowWeights);
  std::vector<float> weights;
  for (size_t i = 0; i < kRowWeights; ++i) {
    const float bell = (u[4 * i] + u[4 * i + 1]) + (u[4 * i + 2] + u[4 * i + 3]) - 2.0f;
    float value = (u[4 * i] * 2.0f - 1.0f) * 0.0625f;
    if (name == "bell") value = bell * 0.03125f;
    if (name == "heavy") value = bell * bell * bell * 0.03125f;
    if (name == "shifted") value = bell * 0.03125f + 0.03125f;
    weights.push_back(value);
  }
  return weights;
}

std::vector<float> sample_importance() {
  std::vector<float> values = uniforms(12, kRowWeights);
  for (float& value : values) value = (value * value) * 8.0f + 0.125f;
  return values;
}

TEST(EncodeError, is_below_that_of_the_original_quantizers) {
  std::ifstream file(test::source_dir() + "/tests/codec/golden/encode_error.txt");
  const std::vector<float> importance = sample_importance();
  int n_lines = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("#")) continue;
    ++n_lines;
    std::istringstream in(line);
    std::string format, sample;
    int weighted = 0;
    double theirs = 0;
    in >> format >> sample >> weighted >> theirs;
    const DType type = dtype_from_name(format).value();
    const std::vector<float> x = sample_weights(sample);
    std::vector<uint8_t> row(static_cast<size_t>(row_bytes(type, kRowWeights)));
    ASSERT_TRUE(encode_row(
        type, x, row, weighted ? std::span<const float>(importance) : std::span<const float>()));
    std::vector<float> out(kRowWeights);
    decode_row(type, row, out);
    double ours = 0;
    for (size_t i = 0; i < kRowWeights; ++i) {
      const double difference = static_cast<double>(x[i]) - out[i];
      ours += (weighted ? importance[i] : 1.0) * difference * difference;
    }
    RecordProperty(format + "_" + sample + (weighted ? "_weighted" : ""),
                   std::to_string(ours / theirs));
    // mxfp4 has a handful of exponents: on even weights both searches find the same one.
    EXPECT_LE(ours, theirs * (1 + 1e-8)) << line << ": ours / theirs = " << ours / theirs;
  }
  EXPECT_EQ(n_lines, 4 * 13 * 2);
}

}  // namespace
}  // namespace hearth::codec
