// SPDX-License-Identifier: MIT
// Every product of the kernel table, on every instruction set of this machine, against the codec's
// decode and sums in double; and that tiles, batches and instruction sets change no bit.
#include <gtest/gtest.h>

#include "tests/backend/kernel_fixture.h"

namespace hearth::cpu {
namespace {

constexpr int kMaxRows = 33;
constexpr int kMaxTokens = 33;

std::vector<int> column_counts(DType type) {
  switch (info(type).block_weights) {
    case 1:
      return {1, 15, 16, 17, 48, 250, 576};
    case 32:
      return {32, 64, 96, 224, 256, 288, 512, 576, 896, 1536};
    default:
      return {256, 512, 768, 1536, 2304};
  }
}

// Weights and activations of one product, each ending at a forbidden page.
struct Problem {
  Problem(DType weight_type, int cols, Random& random, int rows = kMaxRows, int tokens = kMaxTokens)
      : type(weight_type),
        n_cols(cols),
        max_rows(rows),
        max_tokens(tokens),
        bytes(row_bytes(weight_type, cols)),
        weights(static_cast<size_t>(bytes * rows)),
        x(normal_values(random, static_cast<size_t>(cols * tokens))),
        blocks(static_cast<size_t>((cols + 255) / 256 * tokens)) {
    for (int r = 0; r < rows; ++r) random_row(type, cols, random, weights.data() + r * bytes);
    const KernelTable base = table_for("base");
    for (int t = 0; t < tokens; ++t) {
      float* token = x.data() + t * cols;
      token[random() % static_cast<unsigned>(cols)] *= 40;  // activations have outliers
      if (quantized()) base.quantize_act(token, cols, blocks.data() + t * blocks_per_token());
    }
  }

  bool quantized() const { return takes_act_blocks(weight_of(type)); }
  int blocks_per_token() const { return (n_cols + 255) / 256; }

  // What the kernel is given of token t: its activations, rounded where weights are quantized.
  std::vector<double> activations(int t) const {
    const float* token = x.data() + t * n_cols;
    if (!quantized()) return {token, token + n_cols};
    const ActBlock* const block = blocks.data() + t * blocks_per_token();
    std::vector<double> values;
    for (int c = 0; c < n_cols; ++c) {
      values.push_back(static_cast<double>(block[c / 256].scale) * block[c / 256].x[c % 256]);
    }
    return values;
  }

  // The last n_rows rows times the last n_tokens tokens (which end at the forbidden pages).
  std::vector<float> run(const KernelTable& table, int n_rows, int n_tokens) const {
    const int64_t act_bytes = quantized()
                                  ? blocks_per_token() * static_cast<int64_t>(sizeof(ActBlock))
                                  : n_cols * int64_t{4};
    const uint8_t* acts = quantized() ? reinterpret_cast<const uint8_t*>(blocks.data())
                                      : reinterpret_cast<const uint8_t*>(x.data());
    const int64_t stride = n_rows + 3;
    Guarded<float> out(static_cast<size_t>(stride * (n_tokens - 1) + n_rows));
    const float untouched = out[0];
    table.matmul[static_cast<int>(weight_of(type))](
        {.weights = weights.data() + (max_rows - n_rows) * bytes,
         .row_bytes = bytes,
         .n_rows = n_rows,
         .n_cols = n_cols,
         .acts = acts + (max_tokens - n_tokens) * act_bytes,
         .act_bytes = act_bytes,
         .n_tokens = n_tokens,
         .out = out.data(),
         .out_stride = stride});
    std::vector<float> result;
    for (int t = 0; t < n_tokens; ++t) {
      for (int r = 0; r < n_rows; ++r) result.push_back(out[static_cast<size_t>(t * stride + r)]);
      for (int pad = 0; t + 1 < n_tokens && pad < 3; ++pad) {
        EXPECT_TRUE(same_bits(out[static_cast<size_t>(t * stride + n_rows + pad)], untouched));
      }
    }
    return result;
  }

  DType type;
  int n_cols, max_rows, max_tokens;
  int64_t bytes;
  GuardedBytes weights;
  Guarded<float> x;
  Guarded<ActBlock> blocks;
};

// Roundings on the way of one term to the result: at most 12 inside a block (sum to float, times d,
// three levels of the tree, minimum, scale, the codec's own decode) and one per later addition:
// blocks of 256 for quantized weights, columns of a lane (n / 16, twice without fused
// multiply-add) and 4 levels of the tree for the others.
double rounding_steps(const Problem& problem) {
  return problem.quantized() ? 12 + problem.blocks_per_token() : 8 + problem.n_cols / 16;
}

// Sums in double of a problem, and how far from them a result may be.
class Oracle {
 public:
  explicit Oracle(const Problem& problem) : problem_(problem) {
    std::vector<std::vector<double>> acts;
    for (int t = 0; t < problem.max_tokens; ++t) acts.push_back(problem.activations(t));
    const double steps = rounding_steps(problem);
    for (int r = 0; r < problem.max_rows; ++r) {
      const uint8_t* row = problem.weights.data() + r * problem.bytes;
      const std::vector<float> weights = decoded(problem.type, problem.n_cols, row);
      const std::vector<float> magnitudes = term_magnitudes(problem.type, problem.n_cols, row);
      const float *const w = weights.data(), *const terms = magnitudes.data();
      for (const std::vector<double>& token : acts) {
        const double* const x = token.data();
        double sum = 0, magnitude = 0;
        for (int c = 0; c < problem.n_cols; ++c) {
          sum += static_cast<double>(w[c]) * x[c];
          magnitude += static_cast<double>(terms[c]) * std::fabs(x[c]);
        }
        sums_.push_back(sum);
        bounds_.push_back(steps * kEps * magnitude + 0x1p-140);
      }
    }
  }

  void expect_near(const std::vector<float>& result, std::string_view isa) const {
    const int n_rows = problem_.max_rows, n_tokens = problem_.max_tokens;
    ASSERT_EQ(result.size(), sums_.size());
    for (int r = 0; r < n_rows; ++r) {
      for (int t = 0; t < n_tokens; ++t) {
        const auto i = static_cast<size_t>(r * n_tokens + t);
        ASSERT_NEAR(result[static_cast<size_t>(t * n_rows + r)], sums_[i], bounds_[i])
            << isa << ' ' << info(problem_.type).name << ' ' << problem_.n_cols << " row " << r
            << " token " << t;
      }
    }
  }

 private:
  const Problem& problem_;
  std::vector<double> sums_, bounds_;  // of row r and token t at r * n_tokens + t
};

class Matmul : public testing::TestWithParam<DTypeInfo> {};

TEST_P(Matmul, every_instruction_set_is_within_the_derived_bound_of_sums_in_double) {
  Random random(1);
  for (const int n_cols : column_counts(GetParam().type)) {
    const Problem problem(GetParam().type, n_cols, random);
    const Oracle oracle(problem);
    for (const std::string_view isa : machine_isa_names()) {
      oracle.expect_near(problem.run(table_for(isa), kMaxRows, kMaxTokens), isa);
    }
  }
}

TEST_P(Matmul, quantized_products_have_the_same_bits_on_every_instruction_set) {
  Random random(2);
  for (const int n_cols : column_counts(GetParam().type)) {
    const Problem problem(GetParam().type, n_cols, random);
    if (!problem.quantized()) return;
    const std::vector<float> expected = problem.run(table_for("base"), kMaxRows, kMaxTokens);
    for (const std::string_view isa : machine_isa_names()) {
      const std::vector<float> result = problem.run(table_for(isa), kMaxRows, kMaxTokens);
      for (size_t i = 0; i < result.size(); ++i) {
        ASSERT_TRUE(same_bits(result[i], expected[i]))
            << isa << ' ' << GetParam().name << ' ' << n_cols << ": " << i << ' ' << result[i]
            << " instead of " << expected[i];
      }
    }
  }
}

TEST_P(Matmul, a_result_does_not_depend_on_the_tile_it_is_computed_in) {
  Random random(3);
  for (const int n_cols : column_counts(GetParam().type)) {
    if (n_cols > 600) continue;
    const Problem problem(GetParam().type, n_cols, random);
    for (const std::string_view isa : machine_isa_names()) {
      const KernelTable table = table_for(isa);
      const std::vector<float> whole = problem.run(table, kMaxRows, kMaxTokens);
      for (const int n_rows : {1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 33}) {
        for (const int n_tokens : {1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 24, 25, 33}) {
          const std::vector<float> part = problem.run(table, n_rows, n_tokens);
          for (int t = 0; t < n_tokens; ++t) {
            for (int r = 0; r < n_rows; ++r) {
              const int i = (kMaxTokens - n_tokens + t) * kMaxRows + kMaxRows - n_rows + r;
              ASSERT_TRUE(same_bits(part[static_cast<size_t>(t * n_rows + r)],
                                    whole[static_cast<size_t>(i)]))
                  << isa << ' ' << GetParam().name << ' ' << n_cols << ": " << n_rows << " rows, "
                  << n_tokens << " tokens, row " << r << " token " << t;
            }
          }
        }
      }
    }
  }
}

// Decode holds the activations of 16384 columns at most, and 8 tokens of as many: longer rows go in
// several passes.
TEST_P(Matmul, rows_of_any_length_have_the_same_bits_on_every_instruction_set) {
  if (GetParam().block_weights == 1) return;
  Random random(7);
  for (const int n_cols : {4096, 4608, 16384, 16640, 35072}) {
    const int rest = GetParam().block_weights == 32 ? 96 : 0;
    const Problem problem(GetParam().type, n_cols + rest, random, 6, 8);
    for (const int n_tokens : {1, 2, 3, 4, 8}) {
      const std::vector<float> expected = problem.run(table_for("base"), 6, n_tokens);
      for (const std::string_view isa : machine_isa_names()) {
        const std::vector<float> result = problem.run(table_for(isa), 6, n_tokens);
        for (size_t i = 0; i < result.size(); ++i) {
          ASSERT_TRUE(same_bits(result[i], expected[i]))
              << isa << ' ' << GetParam().name << ' ' << n_cols << ", " << n_tokens << " tokens";
        }
      }
    }
  }
}

TEST_P(Matmul, many_tokens_give_what_one_gives) {
  Random random(6);
  const DType type = GetParam().type;
  constexpr int kCols = 256, kManyRows = 35, kManyTokens = 300;  // more than one chunk of tokens
  GuardedBytes weights(static_cast<size_t>(row_bytes(type, kCols)) * kManyRows);
  random_row(type, int64_t{kCols} * kManyRows, random, weights.data());
  const Guarded<float> x(normal_values(random, kCols * kManyTokens));
  Guarded<ActBlock> blocks(kManyTokens);
  const bool quantized = takes_act_blocks(weight_of(type));
  table_for("base").quantize_act(x.data(), kCols * kManyTokens, blocks.data());
  for (const std::string_view isa : machine_isa_names()) {
    const MatmulFn matmul = table_for(isa).matmul[static_cast<int>(weight_of(type))];
    Guarded<float> out(kManyRows * kManyTokens), one(kManyRows);
    MatmulTile tile = {.weights = weights.data(),
                       .row_bytes = row_bytes(type, kCols),
                       .n_rows = kManyRows,
                       .n_cols = kCols,
                       .acts = quantized ? reinterpret_cast<const uint8_t*>(blocks.data())
                                         : reinterpret_cast<const uint8_t*>(x.data()),
                       .act_bytes = quantized ? int64_t{sizeof(ActBlock)} : 4 * kCols,
                       .n_tokens = kManyTokens,
                       .out = out.data(),
                       .out_stride = kManyRows};
    matmul(tile);
    tile.n_tokens = 1;
    tile.out = one.data();
    for (int t = 0; t < kManyTokens; ++t, tile.acts += tile.act_bytes) {
      matmul(tile);
      ASSERT_EQ(std::memcmp(one.data(), &out[static_cast<size_t>(t * kManyRows)], 4 * kManyRows), 0)
          << isa << " token " << t;
    }
  }
}

TEST_P(Matmul, the_largest_codes_and_activations_do_not_overflow) {
  const DType type = GetParam().type;
  if (GetParam().block_weights == 1) return;
  Random random(4);
  for (const uint8_t fill : {0x00, 0x7f, 0x80, 0xff}) {
    Problem problem(type, 2048, random);
    for (uint8_t& byte : problem.weights.span()) byte = fill;
    for (int r = 0; r < kMaxRows; ++r) {
      uint8_t* row = problem.weights.data() + r * problem.bytes;
      for (uint8_t* block = row; block < row + problem.bytes; block += info(type).block_bytes) {
        const uint16_t one = f16_from_f32(1.0f);
        for (const size_t offset : fields_of(type).scales) std::memcpy(block + offset, &one, 2);
        if (type == DType::kMXFP4) block[0] = 127;
      }
    }
    const KernelTable base = table_for("base");
    for (int t = 0; t < kMaxTokens; ++t) {
      float* token = problem.x.data() + t * 2048;
      for (int c = 0; c < 2048; ++c)
        token[c] = t % 3 == 0 ? 1.0f : t % 3 == 1 ? -1.0f : c % 2 * 2 - 1;
      base.quantize_act(token, 2048, problem.blocks.data() + t * problem.blocks_per_token());
    }
    const Oracle oracle(problem);
    for (const std::string_view isa : machine_isa_names()) {
      oracle.expect_near(problem.run(table_for(isa), kMaxRows, kMaxTokens), isa);
    }
  }
}

// All bits of a row's codes and integer scales alike, with the tokens of every tile for few of
// them.
TEST_P(Matmul, the_largest_codes_and_activations_have_the_same_bits_with_few_tokens) {
  const DType type = GetParam().type;
  if (GetParam().block_weights == 1) return;
  constexpr int kCols = 512, kRows = 18, kTokens = 16;
  const KernelTable base = table_for("base");
  for (const uint8_t fill : {0x00, 0x7f, 0x80, 0xff}) {
    Random random(8);
    Problem problem(type, kCols, random, kRows, kTokens);
    for (uint8_t& byte : problem.weights.span()) byte = fill;
    for (uint8_t* block = problem.weights.data();
         block < problem.weights.data() + problem.weights.size(); block += info(type).block_bytes) {
      const uint16_t one = f16_from_f32(1.0f);
      for (const size_t offset : fields_of(type).scales) std::memcpy(block + offset, &one, 2);
      if (type == DType::kMXFP4) block[0] = 127;
    }
    // Token t: all values as large as they can be, of one sign or of both; but from token 8 on, one
    // of each 16 is a bit smaller.
    const auto value = [](int t, int c) {
      const float sign = t % 4 == 0 ? 1.0f : t % 4 == 1 ? -1.0f : static_cast<float>(c % 2 * 2 - 1);
      return t >= 8 && c % 16 == t ? 0.99f * sign : sign;
    };
    for (int t = 0; t < kTokens; ++t) {
      float* token = problem.x.data() + t * kCols;
      for (int c = 0; c < kCols; ++c) token[c] = value(t, c);
      base.quantize_act(token, kCols, problem.blocks.data() + t * problem.blocks_per_token());
    }
    for (const int n_tokens : {1, 2, 4, 5, 8, 16}) {
      const std::vector<float> expected = problem.run(base, kRows, n_tokens);
      for (const std::string_view isa : machine_isa_names()) {
        const std::vector<float> result = problem.run(table_for(isa), kRows, n_tokens);
        for (size_t i = 0; i < result.size(); ++i) {
          ASSERT_TRUE(same_bits(result[i], expected[i]))
              << isa << ' ' << int{fill} << ", " << n_tokens << " tokens: " << i << ' ' << result[i]
              << " instead of " << expected[i];
        }
      }
    }
  }
}

TEST_P(Matmul, a_nan_in_scale_or_activation_reaches_exactly_its_own_results) {
  const DType type = GetParam().type;
  Random random(5);
  const int n_cols = 512;
  Problem problem(type, n_cols, random);
  constexpr int kBadRow = 7, kBadToken = 20;
  uint8_t* row = problem.weights.data() + kBadRow * problem.bytes;
  const uint16_t nan = type == DType::kBF16 ? 0x7fc0 : 0x7e00;
  const uint32_t nan32 = 0x7fc00000;
  const bool bad_row = type != DType::kMXFP4;
  if (type == DType::kF32) {
    std::memcpy(row + 4 * 300, &nan32, 4);
  } else if (GetParam().block_weights == 1) {
    std::memcpy(row + 2 * 300, &nan, 2);
  } else if (bad_row) {
    std::memcpy(row + info(type).block_bytes + static_cast<int>(fields_of(type).scales[0]), &nan,
                2);
  }
  float* token = problem.x.data() + kBadToken * n_cols;
  token[400] = std::numeric_limits<float>::quiet_NaN();
  const KernelTable base = table_for("base");
  if (problem.quantized()) {
    base.quantize_act(token, n_cols,
                      problem.blocks.data() + kBadToken * problem.blocks_per_token());
  }
  for (const std::string_view isa : machine_isa_names()) {
    const std::vector<float> result = problem.run(table_for(isa), kMaxRows, kMaxTokens);
    for (int t = 0; t < kMaxTokens; ++t) {
      for (int r = 0; r < kMaxRows; ++r) {
        const bool expected = t == kBadToken || (bad_row && r == kBadRow);
        EXPECT_EQ(std::isnan(result[static_cast<size_t>(t * kMaxRows + r)]), expected)
            << isa << " row " << r << " token " << t;
      }
    }
  }
}

std::string format_name(const testing::TestParamInfo<DTypeInfo>& param) {
  return std::string(param.param.name);
}

INSTANTIATE_TEST_SUITE_P(Kernels, Matmul,
                         testing::ValuesIn(all_dtypes().begin(), all_dtypes().end()), format_name);

}  // namespace
}  // namespace hearth::cpu
