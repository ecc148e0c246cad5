// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>

#include "base/half.h"
#include "codec/codec.h"
#include "codec/packed_scales.h"
#include "tests/codec/plain_rounding.h"

namespace hearth::codec {
namespace {

constexpr size_t kWeights = 1024;

std::vector<uint8_t> encode(DType type, std::span<const float> in,
                            std::span<const float> importance = {}) {
  std::vector<uint8_t> row(static_cast<size_t>(row_bytes(type, static_cast<int64_t>(in.size()))));
  const Status status = encode_row(type, in, row, importance);
  EXPECT_TRUE(status) << info(type).name;
  return row;
}

std::vector<float> decode(DType type, std::span<const uint8_t> row, size_t n) {
  std::vector<float> out(n);
  decode_row(type, row, out);
  return out;
}

double squared_error(std::span<const float> a, std::span<const float> b,
                     std::span<const float> importance = {}) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - b[i];
    sum += (importance.empty() ? 1.0 : importance[i]) * difference * difference;
  }
  return sum;
}

struct Sample {
  std::string name;
  std::vector<float> weights;
};

std::vector<Sample> samples() {
  std::mt19937 random(20250101);
  std::normal_distribution<float> normal(0, 0.02f);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::student_t_distribution<float> heavy(4);
  std::vector<Sample> all = {{"normal", {}},  {"uniform", {}}, {"heavy tails", {}},
                             {"shifted", {}}, {"tiny", {}},    {"one outlier", {}},
                             {"large", {}},   {"sparse", {}},  {"positive", {}}};
  for (size_t i = 0; i < kWeights; ++i) {
    const float value = normal(random);
    all[0].weights.push_back(value);
    all[1].weights.push_back(uniform(random));
    all[2].weights.push_back(0.02f * heavy(random));
    all[3].weights.push_back(value + 0.05f);
    all[4].weights.push_back(value * 1e-4f);
    all[5].weights.push_back(i % 256 == 77 ? 1.0f : value);
    all[6].weights.push_back(uniform(random) * 20000);
    all[7].weights.push_back(i % 9 == 0 ? value : 0.0f);
    all[8].weights.push_back(std::fabs(value));
  }
  return all;
}

std::vector<float> random_importance() {
  std::mt19937 random(5);
  std::lognormal_distribution<float> distribution(0, 1.5f);
  std::vector<float> importance(kWeights);
  for (float& value : importance) value = distribution(random);
  return importance;
}

TEST(Encode, is_never_worse_than_rounding_to_nearest) {
  const std::vector<float> importance = random_importance();
  for (const DTypeInfo& format : all_dtypes()) {
    for (const Sample& sample : samples()) {
      const auto plain = plain_rounding(format.type, sample.weights);
      for (const bool weighted : {false, true}) {
        const auto w = weighted ? std::span<const float>(importance) : std::span<const float>();
        const auto row = encode(format.type, sample.weights, w);
        const auto ours = decode(format.type, row, kWeights);
        // The search compares exact products, decoding rounds them to float: a weight moves by
        // 2^-24 of itself, which is at most 127 * sqrt(12) root-mean-square errors of the finest
        // format, q8_0, so the squared error moves by 2 * 440 * 2^-24 < 1e-4 of itself.
        EXPECT_LE(squared_error(sample.weights, ours, w),
                  squared_error(sample.weights, plain, w) * (1 + 1e-4))
            << format.name << ", " << sample.name << (weighted ? ", weighted" : "");
      }
    }
  }
}

TEST(Encode, a_row_that_was_decoded_comes_back_with_no_more_error_than_its_scales_allow) {
  for (const DTypeInfo& format : all_dtypes()) {
    for (const Sample& sample : samples()) {
      const auto once = decode(format.type, encode(format.type, sample.weights), kWeights);
      const auto twice = decode(format.type, encode(format.type, once), kWeights);
      const double first = squared_error(sample.weights, once);
      EXPECT_LE(squared_error(once, twice), first * 1.0001 + 1e-30)
          << format.name << ", " << sample.name;
    }
  }
}

// With scales of one level the nearest code is at most half a step away, if the step is the one of
// plain rounding; the search only lowers the sum. Hence the root mean square is below half a step
// of the largest weight: extreme / (2 * steps), plus the binary16 rounding of the scale (2^-11).
TEST(Encode, the_error_is_within_half_a_step_of_the_format) {
  struct Bound {
    DType type;
    double half_steps;  // of the largest magnitude of a block
  };
  const Bound bounds[] = {
      {DType::kQ4_0, 1.0 / 16}, {DType::kQ5_0, 1.0 / 32}, {DType::kQ8_0, 1.0 / 254}};
  for (const Bound& bound : bounds) {
    for (const Sample& sample : samples()) {
      const auto out = decode(bound.type, encode(bound.type, sample.weights), kWeights);
      for (size_t b = 0; b < kWeights; b += 32) {
        double largest = 0, sum = 0;
        for (size_t i = b; i < b + 32; ++i) {
          largest = std::max(largest, std::fabs(static_cast<double>(sample.weights[i])));
          const double difference = static_cast<double>(sample.weights[i]) - out[i];
          sum += difference * difference;
        }
        // q4_0 and q5_0 lack one code on one side: a weight there may be a whole step away.
        const double sides = bound.type == DType::kQ8_0 ? 1 : 2;
        const double limit = largest * (sides * bound.half_steps + 0x1p-11) + 0x1p-25 * 128;
        EXPECT_LE(std::sqrt(sum / 32), limit) << info(bound.type).name << ", " << sample.name;
      }
    }
  }
}

TEST(Encode, floats_and_halves_round_to_nearest) {
  const std::vector<float> in = {1.0f, -0.1f, 65504.0f, 1e-9f, 0x1.002p0f, 3.14159265f};
  EXPECT_EQ(decode(DType::kF32, encode(DType::kF32, in), in.size()), in);
  const auto f16 = decode(DType::kF16, encode(DType::kF16, in), in.size());
  const auto bf16 = decode(DType::kBF16, encode(DType::kBF16, in), in.size());
  for (size_t i = 0; i < in.size(); ++i) {
    EXPECT_EQ(f16[i], f32_from_f16(f16_from_f32(in[i])));
    EXPECT_EQ(bf16[i], f32_from_bf16(bf16_from_f32(in[i])));
  }
}

TEST(Encode, weights_on_the_grid_survive_exactly) {
  // Code values times a binary16 scale, with both ends of the range present.
  std::vector<float> in(256);
  for (size_t i = 0; i < in.size(); ++i) in[i] = 0.03125f * (static_cast<float>(i % 16) - 8);
  for (const DType type : {DType::kQ4_0, DType::kQ4_1, DType::kQ5_0}) {
    EXPECT_EQ(decode(type, encode(type, in), in.size()), in) << info(type).name;
  }
}

TEST(Encode, an_empty_row_is_a_row) {
  for (const DTypeInfo& format : all_dtypes()) EXPECT_TRUE(encode_row(format.type, {}, {}));
}

TEST(Encode, zeros_stay_zeros) {
  const std::vector<float> in(512, 0.0f);
  for (const DTypeInfo& format : all_dtypes()) {
    for (const float value : decode(format.type, encode(format.type, in), in.size())) {
      EXPECT_EQ(value, 0.0f) << format.name;
    }
  }
}

TEST(Encode, equal_weights_stay_equal_and_near) {
  for (const float constant : {0.7f, -0.7f, 1e-3f}) {
    const std::vector<float> in(256, constant);
    for (const DTypeInfo& format : all_dtypes()) {
      const auto out = decode(format.type, encode(format.type, in), in.size());
      // The coarsest: mxfp4, whose neighbouring values are at most 1 : 1.5 apart, so half of that
      // step is at most a fifth of the weight.
      for (const float value : out) EXPECT_NEAR(value, constant, std::fabs(constant) / 5);
    }
  }
}

TEST(Encode, a_negated_row_has_the_same_error_where_the_format_is_symmetric) {
  const std::vector<float> in = samples()[0].weights;
  std::vector<float> negated = in;
  for (float& value : negated) value = -value;
  for (const DType type :
       {DType::kQ4_0, DType::kQ5_0, DType::kQ8_0, DType::kIQ4_NL, DType::kMXFP4}) {
    const double a = squared_error(in, decode(type, encode(type, in), in.size()));
    const double b = squared_error(negated, decode(type, encode(type, negated), in.size()));
    EXPECT_NEAR(a, b, a * 0.01) << info(type).name;
  }
}

TEST(Encode, importance_moves_error_away_from_what_matters) {
  const std::vector<float> in = samples()[2].weights;
  std::vector<float> importance(in.size(), 1.0f);
  std::vector<size_t> important;
  for (size_t i = 0; i < in.size(); i += 8) importance[i] = 1000.0f, important.push_back(i);
  for (const DTypeInfo& format : all_dtypes()) {
    if (format.block_weights == 1) continue;
    const auto plain = decode(format.type, encode(format.type, in), in.size());
    const auto weighted = decode(format.type, encode(format.type, in, importance), in.size());
    double plain_error = 0, weighted_error = 0;
    for (const size_t i : important) {
      plain_error += std::pow(static_cast<double>(in[i]) - plain[i], 2);
      weighted_error += std::pow(static_cast<double>(in[i]) - weighted[i], 2);
    }
    EXPECT_LT(weighted_error, plain_error) << format.name;
  }
}

TEST(Encode, importance_counts_in_proportion_and_zeros_count_as_ones) {
  const std::vector<float> in = samples()[0].weights;
  const std::vector<float> zeros(in.size(), 0.0f);
  const std::vector<float> sevens(in.size(), 7.0f);
  for (const DTypeInfo& format : all_dtypes()) {
    EXPECT_EQ(encode(format.type, in), encode(format.type, in, zeros)) << format.name;
    EXPECT_EQ(encode(format.type, in), encode(format.type, in, sevens)) << format.name;
  }
}

TEST(Encode, refuses_weights_that_the_format_cannot_hold_and_names_the_place) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  for (const DTypeInfo& format : all_dtypes()) {
    for (const float bad : {std::nanf(""), kInf, -kInf}) {
      std::vector<float> in(256, 0.5f);
      in[200] = bad;
      std::vector<uint8_t> row(static_cast<size_t>(row_bytes(format.type, 256)));
      const Status status = encode_row(format.type, in, row);
      ASSERT_FALSE(status) << format.name;
      EXPECT_EQ(status.error().code, ErrorCode::kInvalid);
      EXPECT_NE(status.error().message.find("weight 200"), std::string::npos);
    }
  }
  std::vector<uint8_t> row(64);
  EXPECT_FALSE(encode_row(DType::kF16, std::vector<float>{65520.0f}, std::span(row).first(2)));
  EXPECT_TRUE(encode_row(DType::kF16, std::vector<float>{65519.0f}, std::span(row).first(2)));
  EXPECT_FALSE(encode_row(DType::kBF16, std::vector<float>{3.4e38f}, std::span(row).first(2)));
  EXPECT_FALSE(encode_row(DType::kQ8_0, std::vector<float>(32, 1e6f), std::span(row).first(34)));
}

TEST(Encode, refuses_importance_that_is_negative_or_not_finite) {
  const std::vector<float> in(32, 0.5f);
  std::vector<uint8_t> row(18);
  for (const float bad : {-1.0f, std::nanf(""), std::numeric_limits<float>::infinity()}) {
    std::vector<float> importance(32, 1.0f);
    importance[3] = bad;
    const Status status = encode_row(DType::kQ4_0, in, row, importance);
    ASSERT_FALSE(status);
    EXPECT_NE(status.error().message.find("importance 3"), std::string::npos);
  }
}

TEST(Encode, the_largest_and_smallest_weights_decode_to_finite_values) {
  for (const float magnitude : {kMaxWeight, 1e-38f, 1e-45f, 6e-8f}) {
    std::vector<float> in(256);
    for (size_t i = 0; i < in.size(); ++i) in[i] = i % 3 == 0 ? magnitude : -magnitude;
    for (const DTypeInfo& format : all_dtypes()) {
      for (const float value : decode(format.type, encode(format.type, in), in.size())) {
        EXPECT_TRUE(std::isfinite(value)) << format.name << " " << magnitude;
      }
    }
  }
}

TEST(PackedScales, every_pair_survives_in_every_place) {
  for (int j = 0; j < 8; ++j) {
    for (int scale = 0; scale < 64; ++scale) {
      for (int min = 0; min < 64; ++min) {
        uint8_t bytes[12] = {};
        pack_scale_min({scale, min}, bytes, j);
        for (int other = 0; other < 8; ++other) {
          const ScaleMin pair = unpack_scale_min(bytes, other);
          EXPECT_EQ(pair.scale, other == j ? scale : 0);
          EXPECT_EQ(pair.min, other == j ? min : 0);
        }
      }
    }
  }
}

}  // namespace
}  // namespace hearth::codec
