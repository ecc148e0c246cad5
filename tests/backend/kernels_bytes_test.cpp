// SPDX-License-Identifier: MIT
// Products with ByteBlocks and the preparing of those, on every instruction set of this machine:
// against the codec's decode and sums in double, and that neither tiles nor instruction sets change
// a bit.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "tests/backend/kernel_fixture.h"

namespace hearth::cpu {
namespace {

constexpr int kByteRows = 83;    // a group of 64 and a bit
constexpr int kByteTokens = 27;  // several tiles and a bit

std::vector<DTypeInfo> quantized_formats() {
  std::vector<DTypeInfo> list;
  for (const DTypeInfo& format : all_dtypes()) {
    if (takes_act_blocks(weight_of(format.type))) list.push_back(format);
  }
  return list;
}

std::vector<int> column_counts(const DTypeInfo& format) {
  if (format.block_weights == 32) return {32, 96, 256, 288, 576};
  return {256, 512, 1536};
}

int block_count(int n) { return (n + kActBlock - 1) / kActBlock; }

double value_of(const ByteBlock& block, int i) {
  const int h = i / 64;
  const double rest = static_cast<double>(block.scale[h]) * (block.x[i] - 128);
  return i == block.index[h] ? rest + static_cast<double>(block.outlier[h]) : rest;
}

// Rows of activations as ByteBlocks that end at a forbidden page.
struct Prepared {
  Prepared(const KernelTable& table, const float* x, int n_cols, int n_tokens)
      : blocks(static_cast<size_t>(block_count(n_cols)) * static_cast<size_t>(n_tokens)),
        stride(n_tokens * int64_t{sizeof(ByteBlock)}) {
    for (int t = 0; t < n_tokens; ++t) {
      table.quantize_bytes(x + int64_t{t} * n_cols, n_cols, blocks.data() + t, stride);
    }
  }
  Guarded<ByteBlock> blocks;
  int64_t stride;
};

struct ByteProblem {
  ByteProblem(DType weight_type, int cols, int rows, int tokens, Random& random)
      : type(weight_type),
        n_cols(cols),
        n_rows(rows),
        n_tokens(tokens),
        bytes(row_bytes(weight_type, cols)),
        weights(static_cast<size_t>(bytes * rows)),
        x(normal_values(random, static_cast<size_t>(cols) * static_cast<size_t>(tokens))) {
    for (int r = 0; r < rows; ++r) random_row(type, cols, random, weights.data() + r * bytes);
    for (int t = 0; t < tokens; ++t) {
      x[static_cast<size_t>(t * cols) + random() % static_cast<unsigned>(cols)] *= 40;
    }
  }

  // Rows from `row` on with tokens from `token` on.
  std::vector<float> run(const KernelTable& table, int row, int token) const {
    const int rows = n_rows - row, tokens = n_tokens - token;
    const Prepared acts(table, x.data() + int64_t{token} * n_cols, n_cols, tokens);
    const int64_t stride = rows + 3;
    Guarded<float> out(static_cast<size_t>(stride * (tokens - 1) + rows));
    const float untouched = out[0];
    table.matmul_bytes[static_cast<int>(weight_of(type))]({.weights = weights.data() + row * bytes,
                                                           .row_bytes = bytes,
                                                           .n_rows = rows,
                                                           .n_cols = n_cols,
                                                           .acts = acts.blocks.data(),
                                                           .block_bytes = acts.stride,
                                                           .n_tokens = tokens,
                                                           .out = out.data(),
                                                           .out_stride = stride});
    std::vector<float> result;
    for (int t = 0; t < tokens; ++t) {
      const float* from = out.data() + t * stride;
      result.insert(result.end(), from, from + rows);
      for (int pad = 0; t + 1 < tokens && pad < 3; ++pad) {
        EXPECT_TRUE(same_bits(from[rows + pad], untouched));
      }
    }
    return result;
  }

  DType type;
  int n_cols, n_rows, n_tokens;
  int64_t bytes;
  GuardedBytes weights;
  std::vector<float> x;
};

class ByteMatmul : public testing::TestWithParam<DTypeInfo> {};

bool has_groups_of_16(DType type) {
  return type == DType::kQ2_K || type == DType::kQ3_K || type == DType::kQ6_K;
}

// At least the scale D of n weights that share it: two that differ lie a whole number of D apart
// (random codes nearly always have two neighbours), but for the rounding of a minimum.
double scale_of(const float* w, const float* terms, int n) {
  std::vector<float> sorted(w, w + n);
  std::sort(sorted.begin(), sorted.end());
  double step = 0;
  for (int i = 1; i < n; ++i) {
    const double apart = static_cast<double>(sorted[static_cast<size_t>(i)]) -
                         static_cast<double>(sorted[static_cast<size_t>(i - 1)]);
    if (apart > 0 && (step == 0 || apart < step)) step = apart;
  }
  return step + 4 * kEps * static_cast<double>(*std::max_element(terms, terms + n));
}

// What the groups' sums lose for beginning at B (kernels/table.h), for each quarter: 2 n roundings
// at the size of B * (D_0 + … + D_n-1), to be multiplied with the activations' scale.
std::vector<double> base_losses(DType type, const std::vector<float>& w,
                                const std::vector<float>& terms) {
  const int group = has_groups_of_16(type) ? 16 : 32, n_cols = static_cast<int>(w.size());
  std::vector<double> losses(static_cast<size_t>((n_cols + 63) / 64));
  for (int c = 0; c < n_cols; c += group) {
    const double scale = scale_of(w.data() + c, terms.data() + c, group);
    losses[static_cast<size_t>(c / 64)] += 128.0 / group * kEps * kByteSumBase * scale;
  }
  return losses;
}

// A sum in double, and how far from it a result may be.
struct Expected {
  double sum, bound;
};

// Of row r and token t at t * n_rows + r. Roundings on the way of one term to the result: at most
// 10 inside a block before it is added (the scale, the weight, four groups, a prepared sum of 32),
// then 24 additions a block; and base_losses.
std::vector<Expected> expected_products(const ByteProblem& problem) {
  const int n_cols = problem.n_cols, n_rows = problem.n_rows, n_tokens = problem.n_tokens;
  // Every instruction set prepares the same bits (QuantizeBytes).
  const Prepared acts(table_for("base"), problem.x.data(), n_cols, n_tokens);
  std::vector<Expected> all(static_cast<size_t>(n_rows * n_tokens));
  for (int r = 0; r < n_rows; ++r) {
    const uint8_t* row = problem.weights.data() + r * problem.bytes;
    const std::vector<float> weights = decoded(problem.type, n_cols, row);
    const std::vector<float> magnitudes = term_magnitudes(problem.type, n_cols, row);
    const std::vector<double> losses = base_losses(problem.type, weights, magnitudes);
    const float *const w = weights.data(), *const terms = magnitudes.data();
    for (int t = 0; t < n_tokens; ++t) {
      double sum = 0, magnitude = 0, lost = 0x1p-140;
      for (int c = 0; c < n_cols; ++c) {
        const ByteBlock& block = acts.blocks.data()[c / 256 * n_tokens + t];
        const double value = value_of(block, c % 256);
        if (c % 64 == 0) {
          lost +=
              losses[static_cast<size_t>(c / 64)] * static_cast<double>(block.scale[c / 64 % 4]);
        }
        sum += static_cast<double>(w[c]) * value;
        magnitude += static_cast<double>(terms[c]) * std::fabs(value);
      }
      all[static_cast<size_t>(t * n_rows + r)] = {
          sum, (10 + 24 * block_count(n_cols)) * kEps * magnitude + lost};
    }
  }
  return all;
}

TEST_P(ByteMatmul, every_instruction_set_is_within_the_derived_bound_of_sums_in_double) {
  Random random(1);
  for (const int n_cols : column_counts(GetParam())) {
    const ByteProblem problem(GetParam().type, n_cols, kByteRows, kByteTokens, random);
    const std::vector<Expected> expected = expected_products(problem);
    for (const std::string_view isa : machine_isa_names()) {
      const std::vector<float> result = problem.run(table_for(isa), 0, 0);
      ASSERT_EQ(result.size(), expected.size());
      for (size_t i = 0; i < result.size(); ++i) {
        ASSERT_NEAR(result[i], expected[i].sum, expected[i].bound)
            << isa << ' ' << n_cols << " row " << i % kByteRows << " token " << i / kByteRows;
      }
    }
  }
}

TEST_P(ByteMatmul, every_instruction_set_has_the_same_bits) {
  Random random(2);
  std::vector<int> counts = column_counts(GetParam());
  counts.push_back(16640);  // more than kOutlierBlocks blocks
  for (const int n_cols : counts) {
    const ByteProblem problem(GetParam().type, n_cols, kByteRows, kByteTokens, random);
    const std::vector<float> expected = problem.run(table_for("base"), 0, 0);
    for (const std::string_view isa : machine_isa_names()) {
      const std::vector<float> result = problem.run(table_for(isa), 0, 0);
      for (size_t i = 0; i < result.size(); ++i) {
        ASSERT_TRUE(same_bits(result[i], expected[i]))
            << isa << ' ' << n_cols << ": " << i << ' ' << result[i] << " for " << expected[i];
      }
    }
  }
}

TEST_P(ByteMatmul, a_result_does_not_depend_on_the_tile_it_is_computed_in) {
  Random random(3);
  const int n_cols = 512;
  const ByteProblem problem(GetParam().type, n_cols, kByteRows, kByteTokens, random);
  for (const std::string_view isa : machine_isa_names()) {
    const KernelTable table = table_for(isa);
    const std::vector<float> whole = problem.run(table, 0, 0);
    for (const int rows : {1, 15, 16, 17, 33, 63, 64, 65}) {
      for (const int tokens : {1, 2, 3, 4, 5, 6, 7, 11, 12, 13}) {
        const int row = kByteRows - rows, token = kByteTokens - tokens;
        const std::vector<float> part = problem.run(table, row, token);
        for (int t = 0; t < tokens; ++t) {
          for (int r = 0; r < rows; ++r) {
            ASSERT_TRUE(same_bits(part[static_cast<size_t>(t * rows + r)],
                                  whole[static_cast<size_t>((token + t) * kByteRows + row + r)]))
                << isa << ": " << rows << " rows, " << tokens << " tokens, " << r << ' ' << t;
          }
        }
      }
    }
  }
}

TEST_P(ByteMatmul, more_tokens_than_a_chunk_give_what_one_gives) {
  Random random(4);
  const ByteProblem problem(GetParam().type, 256, 17, 530, random);
  for (const std::string_view isa : machine_isa_names()) {
    const KernelTable table = table_for(isa);
    const std::vector<float> whole = problem.run(table, 0, 0), last = problem.run(table, 0, 529);
    const std::vector<float> before = problem.run(table, 0, 511);
    for (size_t r = 0; r < 17; ++r) {
      ASSERT_TRUE(same_bits(whole[529 * 17 + r], last[r])) << isa;
      ASSERT_TRUE(same_bits(whole[511 * 17 + r], before[r])) << isa;
    }
  }
}

// Bytes of one value in every place bring each code to its end, alternating activations of full
// size make every pair of products as large as it can be.
TEST_P(ByteMatmul, the_largest_codes_and_activations_do_not_overflow) {
  Random random(5);
  for (const uint8_t fill : {0x00, 0x7f, 0x80, 0xff}) {
    ByteProblem problem(GetParam().type, 512, 20, 9, random);
    for (uint8_t& byte : problem.weights.span()) byte = fill;
    for (uint8_t* block = problem.weights.data();
         block < problem.weights.data() + problem.weights.size(); block += GetParam().block_bytes) {
      const uint16_t one = f16_from_f32(1.0f);
      for (const size_t at : fields_of(problem.type).scales) std::memcpy(block + at, &one, 2);
      if (problem.type == DType::kMXFP4) block[0] = 127;
    }
    for (size_t i = 0; i < problem.x.size(); ++i) {
      const size_t t = i / 512;
      problem.x[i] = t % 3 == 0 ? 1.0f : t % 3 == 1 ? -1.0f : static_cast<float>(i % 2 * 2) - 1;
    }
    const std::vector<float> expected = problem.run(table_for("base"), 0, 0);
    for (const std::string_view isa : machine_isa_names()) {
      const std::vector<float> result = problem.run(table_for(isa), 0, 0);
      for (size_t i = 0; i < result.size(); ++i) {
        ASSERT_TRUE(same_bits(result[i], expected[i])) << isa << ' ' << int{fill} << ' ' << i;
      }
    }
  }
}

TEST_P(ByteMatmul, a_nan_in_scale_or_activation_reaches_exactly_its_own_results) {
  Random random(6);
  ByteProblem problem(GetParam().type, 512, 40, 14, random);
  const bool bad_row = problem.type != DType::kMXFP4;
  const uint16_t nan = 0x7e00;
  if (bad_row) {
    std::memcpy(problem.weights.data() + 7 * problem.bytes + fields_of(problem.type).scales[0],
                &nan, 2);
  }
  problem.x[9 * 512 + 400] = std::numeric_limits<float>::quiet_NaN();
  problem.x[11 * 512 + 3] = std::numeric_limits<float>::infinity();
  for (const std::string_view isa : machine_isa_names()) {
    const std::vector<float> result = problem.run(table_for(isa), 0, 0);
    for (int t = 0; t < 14; ++t) {
      for (int r = 0; r < 40; ++r) {
        const bool expected = t == 9 || t == 11 || (bad_row && r == 7);
        ASSERT_EQ(std::isnan(result[static_cast<size_t>(t * 40 + r)]), expected)
            << isa << " row " << r << " token " << t;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, ByteMatmul, testing::ValuesIn(quantized_formats()),
                         [](const auto& test) { return std::string(test.param.name); });

std::vector<ByteBlock> prepared(const KernelTable& table, const std::vector<float>& values) {
  const Guarded<float> in(values);
  const Prepared blocks(table, in.data(), static_cast<int>(values.size()), 1);
  return {blocks.blocks.data(), blocks.blocks.data() + blocks.blocks.size()};
}

TEST(QuantizeBytes, values_are_within_half_a_step_of_all_but_the_largest) {
  Random random(1);
  for (const std::string_view isa : machine_isa_names()) {
    const KernelTable table = table_for(isa);
    for (const int n : {32, 64, 224, 256, 288, 576}) {
      for (const float sigma : {1e-20f, 1e-3f, 1.0f, 1e30f}) {
        std::vector<float> values = normal_values(random, static_cast<size_t>(n), sigma);
        values[static_cast<size_t>(n) / 2] *= 100;
        const std::vector<ByteBlock> blocks = prepared(table, values);
        for (int i = 0; i < n; ++i) {
          const ByteBlock& block = blocks[static_cast<size_t>(i / 256)];
          const double step = block.scale[i % 256 / 64];
          const bool is_outlier = block.index[i % 256 / 64] == i % 256;
          const double bound = is_outlier ? 0.0 : step * (0.5 + 3 * 127 * kEps);
          EXPECT_NEAR(value_of(block, i % 256), values[static_cast<size_t>(i)], bound) << isa;
        }
        for (const ByteBlock& block : blocks) {
          for (int j = 0; j < 16; ++j) {
            double sum = 0, magnitude = 0;
            for (int i = 16 * j; i < 16 * j + 16; ++i) {
              sum += value_of(block, i);
              magnitude += std::fabs(value_of(block, i));
            }
            EXPECT_NEAR(block.sum16[j], sum, kEps * magnitude);
          }
          for (int j = 0; j < 8; ++j) {
            const double sum = double{block.sum16[2 * j]} + double{block.sum16[2 * j + 1]};
            EXPECT_NEAR(block.sum32[j], sum,
                        2 * kEps *
                            (std::fabs(block.sum16[2 * j]) + std::fabs(block.sum16[2 * j + 1]) +
                             std::fabs(sum)));
          }
        }
      }
    }
  }
}

TEST(QuantizeBytes, every_instruction_set_gives_the_same_bits) {
  Random random(2);
  std::vector<float> values = normal_values(random, 1280 + 96);
  values[5] = 300;
  std::fill(values.begin() + 256, values.begin() + 512, 0.0f);
  for (size_t i = 512; i < 768; ++i) values[i] *= 1e-40f;  // too small to count
  // Ties: halves of steps of quarters whose second largest is 127; two that are largest; signs.
  for (size_t i = 768; i < 1024; ++i) values[i] = static_cast<float>(i % 64) + 0.5f;
  values[800] = 127, values[801] = -128, values[900] = 127, values[901] = -127;
  values[1030] = std::numeric_limits<float>::quiet_NaN();
  values[1100] = -std::numeric_limits<float>::infinity();
  const std::vector<ByteBlock> expected = prepared(table_for("base"), values);
  EXPECT_EQ(expected[1].scale[0], 0.0f);
  EXPECT_EQ(expected[3].scale[0], 1.0f);
  EXPECT_EQ(expected[3].index[0], 33);   // -128
  EXPECT_EQ(expected[3].index[2], 132);  // the first of the two
  EXPECT_TRUE(std::isnan(expected[4].scale[0]) && std::isnan(expected[4].scale[1]));
  for (const std::string_view isa : machine_isa_names()) {
    const std::vector<ByteBlock> blocks = prepared(table_for(isa), values);
    for (size_t b = 0; b < blocks.size(); ++b) {
      EXPECT_EQ(std::memcmp(blocks[b].x, expected[b].x, sizeof(ByteBlock::x)), 0)
          << isa << ' ' << b;
      for (int h = 0; h < 4; ++h) {
        if (std::isnan(expected[b].scale[h])) {
          EXPECT_TRUE(std::isnan(blocks[b].scale[h])) << isa << ' ' << b << ' ' << h;
          continue;
        }
        EXPECT_TRUE(same_bits(blocks[b].scale[h], expected[b].scale[h])) << isa << ' ' << b;
        EXPECT_TRUE(same_bits(blocks[b].outlier[h], expected[b].outlier[h])) << isa << ' ' << b;
        EXPECT_EQ(blocks[b].index[h], expected[b].index[h]) << isa << ' ' << b << ' ' << h;
        for (int j = 0; j < 4; ++j) {
          EXPECT_TRUE(same_bits(blocks[b].sum16[4 * h + j], expected[b].sum16[4 * h + j])) << isa;
        }
        for (int j = 0; j < 2; ++j) {
          EXPECT_TRUE(same_bits(blocks[b].sum32[2 * h + j], expected[b].sum32[2 * h + j])) << isa;
        }
      }
    }
  }
}

}  // namespace
}  // namespace hearth::cpu
