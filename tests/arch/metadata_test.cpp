// SPDX-License-Identifier: MIT
// Metadata that is nonsense: every key of every architecture with every kind of wrong value is a
// clean error, or a model that runs; never a crash, never a CHECK.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "arch/model_graph.h"
#include "file/gguf.h"
#include "tests/support/toy_cases.h"
#include "tests/support/toy_run.h"

namespace hearth::arch {
namespace {

using test::ToyModel;

test::ToyOptions small(const std::string& arch) {
  test::ToyOptions options{.arch = arch};
  options.set = {{"block_count", "2"}, {"vocab_size", "16"}, {"context_length", "32"}};
  return options;
}

// Every key that read_hparams knows, without the architecture.
constexpr std::string_view kKeys[] = {
    "block_count",
    "embedding_length",
    "context_length",
    "attention.head_count",
    "attention.head_count_kv",
    "attention.key_length",
    "attention.value_length",
    "attention.key_length_mla",
    "attention.value_length_mla",
    "rope.dimension_count",
    "feed_forward_length",
    "vocab_size",
    "expert_count",
    "expert_feed_forward_length",
    "expert_shared_feed_forward_length",
    "attention.q_lora_rank",
    "attention.kv_lora_rank",
    "nextn_predict_layers",
    "expert_used_count",
    "leading_dense_block_count",
    "expert_shared_count",
    "expert_group_count",
    "expert_group_used_count",
    "expert_gating_func",
    "expert_weights_norm",
    "expert_weights_scale",
    "rope.scaling.type",
    "rope.scaling.factor",
    "rope.scaling.alpha",
    "rope.scaling.attn_factor",
    "rope.scaling.original_context_length",
    "rope.scaling.yarn_ext_factor",
    "rope.scaling.yarn_beta_fast",
    "rope.scaling.yarn_beta_slow",
    "rope.scaling.yarn_log_multiplier",
    "rope.scale_linear",
    "rope.freq_base",
    "rope.freq_base_swa",
    "attention.sliding_window",
    "attention.sliding_window_pattern",
    "attention.temperature_scale",
    "attention.temperature_length",
    "attention.scale",
    "attention.causal",
    "attention.layer_norm_epsilon",
    "attention.layer_norm_rms_epsilon",
    "attn_logit_softcapping",
    "final_logit_softcapping",
    "pooling_type",
    "classifier.output_labels",
};

// Sets one key to the i-th kind of nonsense; false after the last kind.
bool set_nonsense(file::Metadata& metadata, const std::string& key, int i) {
  const float inf = std::numeric_limits<float>::infinity();
  const uint32_t wholes[] = {0, 1, 2, 3, 7, 64, 65536, 1u << 24, 1u << 30, UINT32_MAX};
  const float reals[] = {0.0f,  -0.0f,  -1.0f, 1e-30f, 0.5f,         1.0f,
                         3e38f, -3e38f, inf,   -inf,   std::nanf("")};
  if (i < 10) return metadata.set_u32(key, wholes[i]), true;
  if (i < 21) return metadata.set_f32(key, reals[i - 10]), true;
  switch (i - 21) {
    case 0:
      return metadata.set_u64(key, UINT64_MAX), true;
    case 1:
      return metadata.set_i32(key, -1), true;
    case 2:
      return metadata.set_i32(key, INT32_MIN), true;
    case 3:
      return metadata.set_bool(key, true), true;
    case 4:
      return metadata.set_text(key, "yarn"), true;
    case 5:
      return metadata.set_text(key, ""), true;
    case 6:
      return metadata.set_i32s(key, {}), true;
    case 7:
      return metadata.set_i32s(key, std::vector<int32_t>{4, 2}), true;
    case 8:
      return metadata.set_i32s(key, std::vector<int32_t>(2, 4)), true;
    case 9:
      return metadata.set_texts(key, std::vector<std::string>{"a"}), true;
    default:
      return false;
  }
}

// Builds; where that works, runs a few tokens. Answers whether it built.
bool build_and_run(const std::vector<uint8_t>& bytes) {
  const auto file = file::Gguf::parse(bytes);
  if (!file) return false;
  const auto model = build_model(*file, 64);
  if (!model) {
    EXPECT_FALSE(model.error().message.empty());
    EXPECT_EQ(model.error().message.find('\n'), std::string::npos) << model.error().message;
    return false;
  }
  const auto backend = backend::make_ref_backend();
  auto run = test::ToyRun::make(*backend, model->graph, {DType::kF32, DType::kF32}, 4, 4);
  EXPECT_TRUE(run) << run.error().message;
  const std::vector<int32_t> tokens = {1, 0};
  if (run && model->hparams.V > 1 && model->hparams.P > 1) {
    EXPECT_TRUE(run->next(tokens));
  }
  return true;
}

class Metadata : public testing::TestWithParam<std::string> {};

TEST_P(Metadata, nonsense_is_an_error_or_a_model_that_runs) {
  const auto model = test::make_toy_model(small(GetParam()));
  ASSERT_TRUE(model) << model.error().message;
  int n_built = 0, n_refused = 0;
  ToyModel broken = *model;
  for (const std::string_view key : kKeys) {
    for (int i = 0;; ++i) {
      broken.metadata = model->metadata;
      if (!set_nonsense(broken.metadata, fmt::format("{}.{}", GetParam(), key), i)) break;
      const auto bytes = broken.bytes();
      ASSERT_TRUE(bytes);
      SCOPED_TRACE(fmt::format("{} kind {}", key, i));
      (build_and_run(*bytes) ? n_built : n_refused) += 1;
    }
  }
  // Both happen: most keys are none of an architecture's business, all have values that are wrong.
  EXPECT_GT(n_built, 50);
  EXPECT_GT(n_refused, 500);
}

TEST_P(Metadata, keys_that_a_model_cannot_do_without_are_named) {
  const auto model = test::make_toy_model(small(GetParam()));
  ASSERT_TRUE(model) << model.error().message;
  for (const std::string_view suffix : {"block_count", "embedding_length", "context_length",
                                        "attention.head_count", "vocab_size"}) {
    ToyModel broken = *model;
    const std::string key = fmt::format("{}.{}", GetParam(), suffix);
    file::Metadata fewer;
    for (const auto& [name, value] : broken.metadata.entries()) {
      if (name != key) fewer.set(name, value);
    }
    broken.metadata = fewer;
    const auto hp = read_hparams(broken.metadata, GetParam());
    ASSERT_FALSE(hp) << key;
    EXPECT_NE(hp.error().message.find(key), std::string::npos) << hp.error().message;
  }
}

TEST_P(Metadata, pairs_of_wrong_dimensions_never_break_the_builder) {
  const auto model = test::make_toy_model(small(GetParam()));
  ASSERT_TRUE(model) << model.error().message;
  std::mt19937 random(1);
  const auto below = [&](size_t n) { return random() % n; };
  const uint32_t values[] = {0, 1, 2, 3, 4, 8, 16, 32, 63, 64, 65, 128, 65536, 1u << 24};
  ToyModel broken = *model;
  for (int round = 0; round < 600; ++round) {
    broken.metadata = model->metadata;
    for (size_t n = 1 + below(3); n > 0; --n) {
      const std::string key = fmt::format("{}.{}", GetParam(), kKeys[below(24)]);
      broken.metadata.set_u32(key, values[below(std::size(values))]);
    }
    const auto bytes = broken.bytes();
    ASSERT_TRUE(bytes);
    build_and_run(*bytes);
  }
}

TEST_P(Metadata, flipped_bytes_of_a_file_never_break_the_builder) {
  const auto model = test::make_toy_model(small(GetParam()));
  ASSERT_TRUE(model) << model.error().message;
  const auto whole = model->bytes();
  ASSERT_TRUE(whole);
  size_t n_data = 0;
  for (const auto& data : model->data) n_data += data.size();
  const size_t n_head = whole->size() - n_data;
  std::mt19937 random(2);
  std::vector<uint8_t> bytes = *whole;
  for (int round = 0; round < 600; ++round) {
    const size_t at = random() % n_head;
    bytes[at] = static_cast<uint8_t>(random());
    build_and_run(bytes);
    bytes[at] = (*whole)[at];
  }
}

INSTANTIATE_TEST_SUITE_P(All, Metadata, testing::ValuesIn(test::toy_architectures()),
                         [](const auto& param) {
                           std::string name = param.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace hearth::arch
