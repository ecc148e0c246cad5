// SPDX-License-Identifier: MIT
// The table by itself: symbolic shapes, choices, and the numbers behind the letters.
#include "arch/tensor_table.h"

#include <gtest/gtest.h>

#include "arch/model_graph.h"
#include "tests/support/toy_cases.h"

namespace hearth::arch {
namespace {

HParams some_numbers() {
  HParams hp;
  hp.D = 64;
  hp.H = 4;
  hp.G = 2;
  hp.K = 16;
  hp.W = 8;
  hp.F = 100;
  return hp;
}

TEST(TensorTable, shapes_are_sums_of_products_of_letters_and_numbers) {
  const HParams hp = some_numbers();
  EXPECT_EQ(evaluate_dim("D", hp), 64);
  EXPECT_EQ(evaluate_dim("2*F", hp), 200);
  EXPECT_EQ(evaluate_dim("H*K+G*K+G*W", hp), 64 + 32 + 16);
  EXPECT_EQ(evaluate_dim(" H * K + 3 ", hp), 67);
  EXPECT_EQ(evaluate_dim("48", hp), 48);
}

TEST(TensorTable, finds_rows_by_name_with_their_shape_fastest_last) {
  const HParams hp = some_numbers();
  TensorTable table(hp, true);
  table.add("a.weight", "hf.a", Role::kAttention, "H*K, D");
  table.add("a.bias", "hf.b", Role::kBias, "H*K", true);
  ASSERT_NE(table.find("a.weight"), nullptr);
  EXPECT_EQ(table.find("a.weight")->shape, (Shape{64, 64}));
  EXPECT_EQ(table.find("a.weight")->hf_name, "hf.a");
  EXPECT_TRUE(table.find("a.bias")->optional);
  EXPECT_EQ(table.find("b"), nullptr);
  EXPECT_EQ(table.rows().size(), 2u);
}

TEST(TensorTable, every_letter_has_a_key_but_the_derived_one) {
  for (const char letter : std::string("LDHGKWRFVEXZQCPY")) {
    EXPECT_FALSE(dim_key(letter).empty()) << letter;
  }
  EXPECT_EQ(dim_key('N'), "");
  EXPECT_EQ(dim_key('a'), "");
  EXPECT_EQ(dim_key('K'), "attention.key_length");
}

TEST(TensorTable, names_a_wrong_letter_as_a_bug_and_a_name_only_once) {
  const HParams hp = some_numbers();
  TensorTable table(hp, true);
  table.add("a", "", Role::kNorm, "D");
  EXPECT_DEATH(table.add("a", "", Role::kNorm, "D"), "check failed");
  EXPECT_DEATH(evaluate_dim("HK", hp), "check failed");
  EXPECT_DEATH(evaluate_dim("H*-1", hp), "check failed");
}

TEST(Window, that_an_architecture_does_not_apply_is_said) {
  const auto toy = test::load_toy({.arch = "phi3"});  // its files name one
  ASSERT_TRUE(toy) << toy.error().message;
  EXPECT_EQ(toy->model.notes,
            std::vector<std::string>{"the file names a sliding window of 8 positions; phi3 models "
                                     "are run without it"});
  for (const graph::CacheLayer& layer : toy->model.graph.cache_layers()) {
    EXPECT_EQ(layer.window, 0);
  }
}

// Which layers of n keep only a window.
std::string windows(const test::ToyOptions& options) {
  const auto toy = test::load_toy(options);
  EXPECT_TRUE(toy) << toy.error().message;
  std::string text;
  if (!toy) return text;
  for (const graph::CacheLayer& layer : toy->model.graph.cache_layers()) {
    text += layer.window > 0 ? 'w' : '-';
  }
  return text;
}

TEST(Window, layers_follow_the_architectures_pattern_or_the_files) {
  EXPECT_EQ(windows({.arch = "gemma3", .set = {{"L", "13"}}}), "wwwww-wwwww-w");
  EXPECT_EQ(windows({.arch = "gemma2", .set = {{"L", "5"}}}), "w-w-w");
  EXPECT_EQ(windows({.arch = "gpt-oss", .set = {{"L", "4"}}}), "w-w-");
  EXPECT_EQ(windows({.arch = "llama"}), "---");
  const std::string key = "attention.sliding_window_pattern";
  EXPECT_EQ(windows({.arch = "gemma3", .set = {{"L", "5"}, {key, "3"}}}), "ww-ww");
  EXPECT_EQ(windows({.arch = "gemma3", .set = {{"L", "5"}, {key, "1"}}}), "-----");
  EXPECT_EQ(windows({.arch = "gemma3", .set = {{"L", "4"}, {key, "[0,1,1,0]"}}}), "-ww-");
  const std::string width = "attention.sliding_window";
  EXPECT_EQ(windows({.arch = "gemma3", .set = {{"L", "2"}, {width, "0"}}}), "--");
  EXPECT_EQ(windows({.arch = "gemma3", .set = {{"L", "2"}, {width, ""}}}), "--");
  EXPECT_EQ(windows({.arch = "gemma2", .set = {{"L", "2"}, {width, ""}}}), "w-");  // 4096
}

}  // namespace
}  // namespace hearth::arch
