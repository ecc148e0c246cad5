// SPDX-License-Identifier: MIT
// Costs by hand on small graphs, by counting visible keys one by one, and on toy models against the
// bytes of their files.
#include "graph/cost.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "arch/model_graph.h"
#include "file/gguf.h"
#include "tests/support/toy_model.h"

namespace hearth::graph {
namespace {

WeightId typed_weight(Graph& g, Shape shape, DType type = DType::kF32) {
  return g.add_weight({.name = "w", .type = type, .shape = shape});
}

Cost cost_of_last(const Graph& g, const BatchLoad& load, WeightId only = kNone) {
  return cost_of(g, g.nodes().back(), load, only);
}

TEST(Cost, a_product_reads_its_weight_once_and_multiplies_for_every_row) {
  Graph g;
  const ValueId x = g.add(Embed{.table = typed_weight(g, {100, 64}, DType::kF16)}, "x");
  const SequenceLoad sequences[] = {{0, 3}, {7, 2}};
  const BatchLoad load{.sequences = sequences, .n_outputs = 1};
  EXPECT_EQ(load.n_tokens(), 5);
  EXPECT_EQ(cost_of_last(g, load).bytes, 5 * 64 * 2) << "the rows that were looked up";
  g.add(MatMul{x, typed_weight(g, {10, 64}, DType::kQ8_0), typed_weight(g, {10})}, "y");
  EXPECT_EQ(cost_of_last(g, load).bytes, 10 * 2 * 34 + 10 * 4);
  EXPECT_EQ(cost_of_last(g, load).macs, 5 * 10 * 64);
  const ValueId out = g.add(GatherOutputs{x}, "out");
  EXPECT_EQ(cost_of_last(g, load).bytes, 0);
  g.add(MatMul{out, typed_weight(g, {10, 64})}, "logits");
  EXPECT_EQ(cost_of_last(g, load).macs, 10 * 64) << "only rows that are wanted";
  EXPECT_EQ(cost_of_last(g, {.sequences = sequences}).bytes, 0) << "no row is wanted";
}

TEST(Cost, a_head_product_counts_the_rows_that_it_uses) {
  Graph g;
  const ValueId x = g.add(Embed{.table = typed_weight(g, {9, 24})}, "x");
  g.add(MatMulHeads{x, typed_weight(g, {18, 8}), 3, 6, 1, 5}, "y");
  const SequenceLoad one[] = {{4, 1}};
  EXPECT_EQ(cost_of_last(g, {.sequences = one}).bytes, 15 * 8 * 4);
  EXPECT_EQ(cost_of_last(g, {.sequences = one}).macs, 15 * 8);
}

// Visible keys counted one by one, as the operation defines them.
struct Seen {
  double pairs = 0;
  double cached = 0;
};
Seen seen_by_counting(const SequenceLoad& sequence, int window) {
  Seen seen;
  std::set<int> cached;
  for (int p = sequence.n_past; p < sequence.n_past + sequence.n_new; ++p) {
    for (int s = 0; s <= p; ++s) {
      if (window > 0 && s <= p - window) continue;
      ++seen.pairs;
      if (s < sequence.n_past) cached.insert(s);
    }
  }
  seen.cached = static_cast<double>(cached.size());
  return seen;
}

TEST(Cost, attention_counts_the_keys_that_the_definition_shows) {
  for (const int window : {0, 1, 5, 8}) {
    for (const int n_past : {0, 1, 3, 4, 5, 7, 20}) {
      for (const int n_new : {1, 2, 5, 13}) {
        Graph g;
        const ValueId q = g.add(Embed{.table = typed_weight(g, {9, 4 * 64})}, "q");
        const ValueId k = g.add(Embed{.table = typed_weight(g, {9, 2 * 64})}, "k");
        const ValueId v = g.add(Embed{.table = typed_weight(g, {9, 2 * 32})}, "v");
        const int i_cache = g.add_cache_layer({2, 64, 32, window});
        g.add(Attention{.q = q,
                        .k = k,
                        .v = v,
                        .i_cache = i_cache,
                        .n_heads = 4,
                        .n_kv_heads = 2,
                        .k_size = 64,
                        .v_size = 32,
                        .scale = 1.0f,
                        .window = window},
              "attention");
        const SequenceLoad sequences[] = {{n_past, n_new}, {2, 1}};
        const Seen a = seen_by_counting(sequences[0], window);
        const Seen b = seen_by_counting(sequences[1], window);
        const Cost cost =
            cost_of_last(g, {.sequences = sequences, .k = DType::kQ8_0, .v = DType::kF16});
        EXPECT_EQ(cost.attention_macs, (a.pairs + b.pairs) * 4 * (64 + 32));
        EXPECT_EQ(cost.bytes, (a.cached + b.cached) * 2 * (2 * 34 + 32 * 2))
            << window << " " << n_past << " " << n_new;
        EXPECT_EQ(cost.macs, 0);
      }
    }
  }
}

TEST(Cost, values_inside_of_keys_are_read_once) {
  Graph g;
  const ValueId q = g.add(Embed{.table = typed_weight(g, {9, 4 * 64})}, "q");
  const ValueId k = g.add(Embed{.table = typed_weight(g, {9, 64})}, "k");
  g.add(Attention{.q = q,
                  .k = k,
                  .v = kNone,
                  .i_cache = g.add_cache_layer({1, 64, 0, 0}),
                  .n_heads = 4,
                  .n_kv_heads = 1,
                  .k_size = 64,
                  .v_size = 48,
                  .scale = 1.0f,
                  .value_in_key = true},
        "attention");
  const SequenceLoad one[] = {{10, 1}};
  EXPECT_EQ(cost_of_last(g, {.sequences = one}).bytes, 10 * 64 * 2);
  EXPECT_EQ(cost_of_last(g, {.sequences = one}).attention_macs, 11 * 4 * (64 + 48));
}

TEST(Cost, only_experts_that_are_chosen_count) {
  Graph g;
  const ValueId x = g.add(Embed{.table = typed_weight(g, {9, 32})}, "x");
  const WeightId gate = typed_weight(g, {8, 16, 32}),
                 up = typed_weight(g, {8, 16, 32}, DType::kQ8_0);
  const WeightId down = typed_weight(g, {8, 32, 16});
  const ValueId logits = g.add(MatMul{x, typed_weight(g, {8, 32})}, "logits");
  const ValueId route = g.add(Route{.logits = logits, .n_experts = 8, .top_k = 2}, "route");
  g.add(Experts{.x = x,
                .route = route,
                .gate = gate,
                .up = up,
                .down = down,
                .top_k = 2,
                .act = Act::kSilu},
        "experts");
  const SequenceLoad one[] = {{0, 1}};
  const double gate_bytes = 16 * 32 * 4, up_bytes = 16 * 34, down_bytes = 32 * 16 * 4;
  const Cost cost = cost_of_last(g, {.sequences = one});
  EXPECT_DOUBLE_EQ(cost.bytes, 2 * (gate_bytes + up_bytes + down_bytes));
  EXPECT_DOUBLE_EQ(cost.macs, 2 * 3 * 16 * 32);
  EXPECT_DOUBLE_EQ(cost_of_last(g, {.sequences = one}, up).bytes, 2 * up_bytes);
  EXPECT_DOUBLE_EQ(cost_of_last(g, {.sequences = one}, up).macs, 2 * 16 * 32);
  // Two tokens: 2 + 2 * 6/8 experts are expected. Very many: all.
  const SequenceLoad two[] = {{0, 2}}, many[] = {{0, 1000}};
  EXPECT_NEAR(cost_of_last(g, {.sequences = two}, up).bytes, 3.5 * up_bytes, 1e-6);
  EXPECT_NEAR(cost_of_last(g, {.sequences = many}, up).bytes, 8 * up_bytes, 1e-6);
  EXPECT_DOUBLE_EQ(cost_of_last(g, {.sequences = many}).macs, 1000.0 * 2 * 3 * 16 * 32);
}

// What one token at position 0 must read of a toy model, by its file: every tensor, of the
// embedding only a row unless it is the output too.
void expect_whole_file(const test::ToyOptions& options) {
  SCOPED_TRACE(options.arch + (options.tied ? " tied" : ""));
  const auto toy = test::make_toy_model(options);
  ASSERT_TRUE(toy) << toy.error().message;
  const auto bytes = toy->bytes();
  ASSERT_TRUE(bytes);
  const auto file = file::Gguf::parse(*bytes);
  ASSERT_TRUE(file);
  const auto model = arch::build_model(*file, 0);
  ASSERT_TRUE(model) << model.error().message;
  double expected = 0, elements = 0;
  for (const file::GgufTensor& tensor : file->tensors()) {
    const bool is_table = tensor.name == "token_embd.weight" && !options.tied;
    const double share = is_table ? 1.0 / static_cast<double>(tensor.shape.rows()) : 1.0;
    expected += share * static_cast<double>(tensor.data.size());
    if (tensor.shape.rank == 2 && !is_table) {
      elements += static_cast<double>(tensor.shape.elements());
    }
  }
  const SequenceLoad one[] = {{0, 1}};
  const Cost cost = cost_of(model->graph, {.sequences = one, .n_outputs = 1});
  EXPECT_DOUBLE_EQ(cost.bytes, expected);
  EXPECT_DOUBLE_EQ(cost.macs, elements);
}

TEST(Cost, one_token_reads_the_whole_file_of_a_dense_model) {
  expect_whole_file({.arch = "llama"});
  expect_whole_file({.arch = "llama", .tied = true});
  expect_whole_file({.arch = "qwen2"});
  expect_whole_file({.arch = "gemma3", .tied = true});
}

TEST(Cost, costs_of_single_steps_add_up_to_those_of_one_batch_without_the_weights) {
  const auto toy = test::make_toy_model({.arch = "llama"});
  ASSERT_TRUE(toy);
  const auto bytes = toy->bytes();
  const auto file = file::Gguf::parse(*bytes);
  ASSERT_TRUE(file);
  const auto model = arch::build_model(*file, 0);
  ASSERT_TRUE(model);
  const SequenceLoad whole[] = {{3, 6}};
  const Cost together = cost_of(model->graph, {.sequences = whole, .n_outputs = 6});
  Cost singly;
  for (int i = 0; i < 6; ++i) {
    const SequenceLoad part[] = {{3 + i, 1}};
    singly += cost_of(model->graph, {.sequences = part, .n_outputs = 1});
  }
  EXPECT_DOUBLE_EQ(singly.macs, together.macs);
  EXPECT_DOUBLE_EQ(singly.attention_macs, together.attention_macs);
  EXPECT_GT(singly.bytes, together.bytes);
}

}  // namespace
}  // namespace hearth::graph
