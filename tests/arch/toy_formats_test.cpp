// SPDX-License-Identifier: MIT
// Whole toy models in every weight format: backend/cpu, which rounds activations to 14 bits for
// quantized weights (kernels/table.h), against backend/ref, which decodes the same weights.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/toy_cases.h"
#include "tests/support/toy_run.h"

namespace hearth::arch {
namespace {

constexpr int kFormatTokens = 24;

Result<std::vector<float>> logits(backend::Backend& backend, const ModelGraph& model,
                                  backend::KvFormat kv) {
  TRY_LET(test::ToyRun run,
          test::ToyRun::make(backend, model.graph, kv, kFormatTokens, kFormatTokens));
  std::vector<int32_t> tokens;
  for (int i = 0; i < kFormatTokens; ++i)
    tokens.push_back((i * i * 5 + i * 3 + 1) % model.hparams.V);
  return run.next(tokens);
}

double rms(std::span<const float> values) {
  double sum = 0;
  for (const float v : values) sum += double{v} * v;
  return std::sqrt(sum / static_cast<double>(values.size()));
}

// The relative root mean square error that the format's arithmetic may leave in the logits. Of 256
// values the largest is at most 16 times their rms, so rounding to steps of largest / 8191 leaves
// an error of at most 16 / 8191 / sqrt(12) of the rms in each product; a layer has eight products
// in a row at most and weights of gain one.
double rounding_error(const ModelGraph& model, DType format) {
  const bool is_plain = info(format).block_weights == 1;
  const double step = is_plain ? 512 * 0x1p-24 : 16.0 / 8191 / std::sqrt(12.0);
  return 8 * model.hparams.L * step;
}

void expect_cpu_is_ref(const test::ToyOptions& options, DType format, backend::KvFormat kv,
                       double kv_error) {
  const auto toy = test::load_toy(options);
  ASSERT_TRUE(toy) << toy.error().message;
  const auto ref = backend::make_ref_backend();
  auto cpu = backend::make_cpu_backend(2);
  ASSERT_TRUE(cpu) << cpu.error().message;
  const auto expected = logits(*ref, toy->model, kv);
  const auto got = logits(**cpu, toy->model, kv);
  ASSERT_TRUE(expected) << expected.error().message;
  ASSERT_TRUE(got) << got.error().message;
  std::vector<float> difference;
  for (size_t i = 0; i < got->size(); ++i) difference.push_back((*got)[i] - (*expected)[i]);
  EXPECT_LE(rms(difference), (rounding_error(toy->model, format) + kv_error) * rms(*expected));
  EXPECT_GT(rms(*expected), 0.3) << "logits that say nothing";
}

class ToyFormats : public testing::TestWithParam<DType> {};

// Rows of whole blocks of 256 everywhere; one layer, because encoding is slow.
test::ToyOptions wide(const std::string& arch, DType format) {
  return {.arch = arch,
          .set = {{"D", "256"}, {"F", "256"}, {"H", "4"}, {"K", "64"}, {"W", "64"}, {"L", "1"}},
          .format = format};
}

TEST_P(ToyFormats, of_a_dense_model) {
  test::ToyOptions options = wide("qwen3", GetParam());
  options.tied = true;  // the head reads the embedding's rows
  expect_cpu_is_ref(options, GetParam(), {DType::kF32, DType::kF32}, 0);
}

TEST_P(ToyFormats, of_fused_tensors) {
  test::ToyOptions options = wide("phi3", GetParam());
  options.set.emplace_back("rope.dimension_count", "64");
  expect_cpu_is_ref(options, GetParam(), {DType::kF32, DType::kF32}, 0);
}

TEST_P(ToyFormats, of_experts) {
  test::ToyOptions options = wide("gpt-oss", DType::kF32);
  options.format_of[Role::kExpert] = GetParam();
  options.format_of[Role::kAttention] = GetParam();
  options.set.emplace_back("X", "256");
  options.set.emplace_back("E", "4");
  expect_cpu_is_ref(options, GetParam(), {DType::kF32, DType::kF32}, 0);
}

TEST_P(ToyFormats, of_latent_attention_whole_and_in_parts) {
  test::ToyOptions options{.arch = "deepseek2", .format = GetParam()};
  options.set = {{"D", "256"},
                 {"F", "256"},
                 {"H", "2"},
                 {"L", "1"},
                 {"attention.q_lora_rank", "256"},
                 {"attention.kv_lora_rank", "256"},
                 {"attention.key_length_mla", "272"},
                 {"attention.value_length_mla", "64"},
                 {"rope.dimension_count", "16"}};
  expect_cpu_is_ref(options, GetParam(), {DType::kF32, DType::kF32}, 0);
  options.with = {"attn_kv_b.weight"};
  expect_cpu_is_ref(options, GetParam(), {DType::kF32, DType::kF32}, 0);
}

INSTANTIATE_TEST_SUITE_P(All, ToyFormats, testing::ValuesIn([] {
                           std::vector<DType> types;
                           for (const DTypeInfo& row : all_dtypes()) types.push_back(row.type);
                           return types;
                         }()),
                         [](const auto& param) {
                           return std::string(hearth::info(param.param).name);
                         });

TEST(ToyCache, in_half_floats_stays_within_their_rounding) {
  for (const std::string& arch : test::toy_architectures()) {
    SCOPED_TRACE(arch);
    // Keys and values are wrong by 2^-11 of themselves where the two sides round differently.
    expect_cpu_is_ref({.arch = arch}, DType::kF32, {DType::kF16, DType::kF16}, 7 * 2 * 0x1p-11);
  }
}

}  // namespace
}  // namespace hearth::arch
