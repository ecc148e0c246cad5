// SPDX-License-Identifier: MIT
// Model files that lie about themselves: refused with a reason, or run; never a crash. The fuzzer
// tests/fuzz/model_fuzz.cpp goes further from the same seeds.
#include "tests/support/hostile_model.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/paths.h"
#include "tests/support/toy_model.h"

namespace hearth::engine {
namespace {

std::string refusal(const std::string& recipe) {
  const auto bytes = test::hostile_model(recipe);
  if (!bytes) return "no file: " + bytes.error().message;
  const Status status = test::run_hostile_model(*bytes);
  return status ? "none" : status.error().message;
}

TEST(HostileModel, without_a_lie_every_architecture_runs) {
  for (const std::string& arch : test::toy_architectures()) EXPECT_EQ(refusal(arch), "none");
}

TEST(HostileModel, each_kind_of_lie_is_refused_by_name) {
  const std::pair<const char*, const char*> cases[] = {
      {"llama\nembedding_length=63", "a width of 63"},
      {"llama\nattention.head_count=", "attention.head_count"},
      {"llama\nblk.0.attn_q.weight!", "blk.0.attn_q.weight"},
      {"llama\nblk.1.attn_q.weight~3,64", "blk.1.attn_q.weight"},
      {"llama\nblk.1.ffn_up.weight>surprise", "surprise"},
      {"llama\n@4=9", "version"},
  };
  for (const auto& [recipe, word] : cases) {
    EXPECT_NE(refusal(recipe).find(word), std::string::npos) << recipe << ": " << refusal(recipe);
  }
}

TEST(HostileModel, every_seed_of_the_fuzzer_is_refused_with_a_reason_or_runs) {
  size_t n_seeds = 0, n_ran = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(test::source_dir() + "/tests/fuzz/corpus/model")) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string recipe{std::istreambuf_iterator<char>(file), {}};
    const std::string answer = refusal(recipe);
    EXPECT_FALSE(answer.empty() || answer.starts_with("no file")) << entry.path() << answer;
    n_ran += answer == "none";
    ++n_seeds;
  }
  EXPECT_GE(n_seeds, 10u);
  EXPECT_GT(n_ran, 0u);
}

}  // namespace
}  // namespace hearth::engine
