// SPDX-License-Identifier: MIT
#include "backend/ref/matmul.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "codec/codec.h"

namespace hearth::ref {
namespace {

std::vector<float> random_floats(size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, 1);
  std::vector<float> values(n);
  for (float& value : values) value = normal(random);
  return values;
}

WeightView floats(const std::vector<float>& values, int64_t n_rows, int64_t n_cols) {
  return {DType::kF32, reinterpret_cast<const uint8_t*>(values.data()), n_rows, n_cols};
}

TEST(RefMatmul, a_small_product_by_hand) {
  const std::vector<float> w = {1, 2, 3, 4, 5, 6};   // [2, 3]
  const std::vector<float> x = {1, 0, -1, 2, 2, 2};  // [2, 3]
  const std::vector<float> bias = {10, 20};
  std::vector<float> out(4);
  matmul(floats(w, 2, 3), bias, Rows(x.data(), 2, 3), MutableRows(out.data(), 2, 2));
  EXPECT_EQ(out, (std::vector<float>{8, 18, 22, 50}));
  matmul(floats(w, 2, 3), {}, Rows(x.data(), 2, 3), MutableRows(out.data(), 2, 2));
  EXPECT_EQ(out, (std::vector<float>{-2, -2, 12, 30}));
}

TEST(RefMatmul, every_format_multiplies_as_its_decoded_weights_do) {
  constexpr int64_t kRows = 3, kCols = 512, kTokens = 2;
  const auto x = random_floats(kTokens * kCols, 1);
  for (const DTypeInfo& format : all_dtypes()) {
    const auto bytes_per_row = static_cast<size_t>(row_bytes(format.type, kCols));
    std::vector<uint8_t> w(bytes_per_row * kRows);
    std::vector<float> decoded(kRows * kCols);
    for (size_t r = 0; r < kRows; ++r) {
      const auto row = std::span(w).subspan(r * bytes_per_row, bytes_per_row);
      ASSERT_TRUE(codec::encode_row(format.type, random_floats(kCols, 10 + unsigned(r)), row));
      codec::decode_row(format.type, row, std::span(decoded).subspan(r * kCols, kCols));
    }
    std::vector<float> out(kTokens * kRows);
    matmul({format.type, w.data(), kRows, kCols}, {}, Rows(x.data(), kTokens, kCols),
           MutableRows(out.data(), kTokens, kRows));
    for (size_t t = 0; t < kTokens; ++t) {
      for (size_t r = 0; r < kRows; ++r) {
        long double sum = 0, magnitude = 0;
        for (size_t c = 0; c < kCols; ++c) {
          const long double term =
              static_cast<long double>(decoded[r * kCols + c]) * x[t * kCols + c];
          sum += term;
          magnitude += std::fabs(term);
        }
        // 512 additions in double, then one rounding to float.
        const auto bound =
            static_cast<double>(magnitude * 512 * 0x1p-53L + std::fabs(sum) * 0x1p-24L);
        EXPECT_NEAR(out[t * kRows + r], static_cast<double>(sum), bound) << format.name;
      }
    }
  }
}

TEST(RefMatmul, rows_may_have_gaps_and_the_gaps_stay) {
  const std::vector<float> w = {2, 3};                    // [1, 2]
  const std::vector<float> x = {1, 1, 99, 99, 5, 7, 99};  // 2 rows of 2, stride 4
  std::vector<float> out = {0, -1, -1, 0, -1};            // 2 rows of 1, stride 3
  matmul(floats(w, 1, 2), {}, Rows(x.data(), 2, 2, 4), MutableRows(out.data(), 2, 1, 3));
  EXPECT_EQ(out, (std::vector<float>{5, -1, -1, 31, -1}));
}

TEST(RefMatmul, sums_do_not_lose_small_terms_beside_large_ones) {
  const std::vector<float> w = {1e8f, 1, -1e8f};
  const std::vector<float> x = {1, 1, 1};
  float out = 0;
  matmul(floats(w, 1, 3), {}, Rows(x.data(), 1, 3), MutableRows(&out, 1, 1));
  EXPECT_EQ(out, 1.0f);
}

TEST(RefMatmulHeads, plain_uses_each_heads_own_rows) {
  // 2 heads of 3 rows, 2 columns; rows 1 and 2 of each head are used.
  const std::vector<float> w = {9, 9, 1, 0, 0, 1, 9, 9, 2, 0, 0, 2};
  const graph::MatMulHeads op{
      .x = 0, .weight = 0, .n_heads = 2, .head_rows = 3, .row_begin = 1, .n_rows = 2};
  const std::vector<float> x = {3, 4, 5, 6};
  std::vector<float> out(4);
  matmul_heads(op, floats(w, 6, 2), Rows(x.data(), 1, 4), MutableRows(out.data(), 1, 4));
  EXPECT_EQ(out, (std::vector<float>{3, 4, 10, 12}));
}

TEST(RefMatmulHeads, transposed_is_the_transpose_of_plain) {
  // <M x, y> = <x, M^T y> for every head.
  constexpr int kHeads = 3, kHeadRows = 5, kUsed = 4, kCols = 6;
  const auto w = random_floats(kHeads * kHeadRows * kCols, 2);
  const auto x = random_floats(kHeads * kCols, 3);
  const auto y = random_floats(kHeads * kUsed, 4);
  std::vector<float> mx(kHeads * kUsed), my(kHeads * kCols);
  graph::MatMulHeads op{.x = 0,
                        .weight = 0,
                        .n_heads = kHeads,
                        .head_rows = kHeadRows,
                        .row_begin = 1,
                        .n_rows = kUsed};
  const WeightView view = floats(w, kHeads * kHeadRows, kCols);
  matmul_heads(op, view, Rows(x.data(), 1, kHeads * kCols),
               MutableRows(mx.data(), 1, kHeads * kUsed));
  op.transposed = true;
  matmul_heads(op, view, Rows(y.data(), 1, kHeads * kUsed),
               MutableRows(my.data(), 1, kHeads * kCols));
  for (size_t h = 0; h < kHeads; ++h) {
    double left = 0, right = 0, magnitude = 0;
    for (size_t i = 0; i < kUsed; ++i) {
      left += static_cast<double>(mx[h * kUsed + i]) * y[h * kUsed + i];
      magnitude += std::fabs(static_cast<double>(mx[h * kUsed + i]) * y[h * kUsed + i]);
    }
    for (size_t i = 0; i < kCols; ++i) {
      right += static_cast<double>(my[h * kCols + i]) * x[h * kCols + i];
      magnitude += std::fabs(static_cast<double>(my[h * kCols + i]) * x[h * kCols + i]);
    }
    // Each term carries one rounding to float.
    EXPECT_NEAR(left, right, magnitude * 0x1p-24) << h;
  }
}

TEST(RefEmbed, is_a_scaled_row_of_the_table) {
  const std::vector<float> table = {1, 2, 3, 4};
  std::vector<float> out(2);
  embed(floats(table, 2, 2), 1, 0.5f, out);
  EXPECT_EQ(out, (std::vector<float>{1.5f, 2.0f}));
}

TEST(RefMatmulDeath, shapes_that_disagree_are_a_programmers_mistake) {
  const std::vector<float> w(6), x(4);
  std::vector<float> out(2);
  EXPECT_DEATH(matmul(floats(w, 2, 3), {}, Rows(x.data(), 1, 4), MutableRows(out.data(), 1, 2)),
               "n_cols");
  EXPECT_DEATH(floats(w, 2, 3).rows(1, 2), "n_rows");
}

}  // namespace
}  // namespace hearth::ref
