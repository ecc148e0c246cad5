// SPDX-License-Identifier: MIT
// The builder: shapes that follow from ops, what ops read, how a graph prints, and that wrong
// shapes never get in.
#include "graph/graph.h"

#include <gtest/gtest.h>

#include "tests/support/paths.h"
#include "tests/support/toy_cases.h"

namespace hearth::graph {
namespace {

WeightId weight(Graph& g, Shape shape, std::string name = "w") {
  return g.add_weight({.name = std::move(name), .type = DType::kF32, .shape = shape});
}

// A value of this width with a row per token.
ValueId value(Graph& g, int width) {
  return g.add(Embed{.table = weight(g, {10, width})}, fmt::format("x{}", width));
}

struct Result {
  int width;
  Rows rows;
  bool operator==(const Result&) const = default;
};

Result result(Graph& g, Op op) {
  const ValueId id = g.add(std::move(op), "y");
  return {g.value(id).width, g.value(id).rows};
}

constexpr Result tokens(int width) { return {width, Rows::kTokens}; }

TEST(Graph, infers_the_shape_of_every_op) {
  Graph g;
  const ValueId x = value(g, 24);
  EXPECT_EQ(result(g, EmbedPosition{.table = weight(g, {5, 24})}), tokens(24));
  EXPECT_EQ(result(g, EmbedSegment{.table = weight(g, {2, 24})}), tokens(24));
  EXPECT_EQ(result(g, Norm{.x = x, .weight = weight(g, {8}), .segment = 8}), tokens(24));
  EXPECT_EQ(result(g, MatMul{.x = x, .weight = weight(g, {7, 24}), .bias = weight(g, {7})}),
            tokens(7));
  // Three heads of 8 in, 5 rows of each head's 6.
  const WeightId heads = weight(g, {18, 8});
  EXPECT_EQ(result(g, MatMulHeads{x, heads, 3, 6, 1, 5}), tokens(15));
  EXPECT_EQ(result(g, MatMulHeads{value(g, 15), heads, 3, 6, 1, 5, true}), tokens(24));
  EXPECT_EQ(
      result(g, Rope{.x = x, .n_heads = 3, .head_size = 8, .offset = 2, .spec = {.n_rot = 6}}),
      tokens(24));
  EXPECT_EQ(result(g, ScaleByPosition{x, 0.1f, 16}), tokens(24));
  EXPECT_EQ(result(g, Add{x, x}), tokens(24));
  EXPECT_EQ(result(g, Scale{x, 2.0f}), tokens(24));
  EXPECT_EQ(result(g, SoftCap{x, 2.0f}), tokens(24));
  EXPECT_EQ(result(g, Activate{.gate = x, .up = x, .act = Act::kSilu}), tokens(24));
  EXPECT_EQ(result(g, Slice{x, 20, 4}), tokens(4));
  EXPECT_EQ(result(g, SliceHeads{x, 4, 1, 2}), tokens(8));
  EXPECT_EQ(result(g, ConcatHeads{x, value(g, 12), 4, 6, 3}), tokens(36));
  EXPECT_EQ(result(g, ConcatHeads{x, value(g, 3), 4, 6, 3, true}), tokens(36));
  EXPECT_EQ(result(g, GatherOutputs{x}), (Result{24, Rows::kOutputs}));
  EXPECT_EQ(result(g, Route{.logits = x, .n_experts = 24, .top_k = 5}), tokens(10));
}

TEST(Graph, infers_attention_and_experts) {
  Graph g;
  const ValueId q = value(g, 4 * 6), k = value(g, 2 * 6), v = value(g, 2 * 5);
  const int i_cache = g.add_cache_layer({2, 6, 5, 0});
  EXPECT_EQ(result(g, Attention{.q = q,
                                .k = k,
                                .v = v,
                                .i_cache = i_cache,
                                .n_heads = 4,
                                .n_kv_heads = 2,
                                .k_size = 6,
                                .v_size = 5,
                                .scale = 1.0f}),
            tokens(20));
  EXPECT_EQ(result(g, Attention{.q = q,
                                .k = value(g, 6),
                                .v = kNone,
                                .i_cache = kNone,
                                .n_heads = 4,
                                .n_kv_heads = 1,
                                .k_size = 6,
                                .v_size = 3,
                                .scale = 1.0f,
                                .value_in_key = true}),
            tokens(12));
  const WeightId gate = weight(g, {3, 8, 24}), down = weight(g, {3, 24, 8});
  const ValueId route = g.add(Route{.logits = value(g, 3), .n_experts = 3, .top_k = 2}, "route");
  EXPECT_EQ(result(g, Experts{.x = q,
                              .route = route,
                              .gate = gate,
                              .up = gate,
                              .down = down,
                              .top_k = 2,
                              .act = Act::kSilu}),
            tokens(24));
}

TEST(Graph, says_what_ops_read_in_the_order_of_their_fields) {
  Graph g;
  const ValueId x = value(g, 8), y = value(g, 8);
  const WeightId w = weight(g, {8, 8}), b = weight(g, {8});
  const Op matmul = MatMul{.x = x, .weight = w};
  EXPECT_EQ(inputs(matmul), std::vector<ValueId>{x});
  EXPECT_EQ(weights(matmul), std::vector<WeightId>{w});
  const Op biased = MatMul{.x = y, .weight = w, .bias = b};
  EXPECT_EQ(weights(biased), (std::vector<WeightId>{w, b}));
  const Op gated = Activate{.gate = y, .up = x, .act = Act::kSilu};
  EXPECT_EQ(inputs(gated), (std::vector<ValueId>{y, x}));
  EXPECT_TRUE(weights(gated).empty());
  EXPECT_EQ(op_name(gated), "activate");
}

TEST(Graph, prints_one_line_for_each_node) {
  Graph g;
  const ValueId x = g.add(Embed{.table = weight(g, {10, 8}, "token_embd.weight")}, "embed");
  const WeightId w =
      g.add_weight({.name = "output.weight", .type = DType::kQ4_K, .shape = {32, 8}});
  g.set_result(g.add(MatMul{.x = g.add(GatherOutputs{x}, "outputs"), .weight = w}, "logits"));
  EXPECT_EQ(to_string(g),
            "0 embed embed [T, 8] <- token_embd.weight f32\n"
            "1 gather_outputs outputs [O, 8] <- embed\n"
            "2 matmul logits [O, 32] <- outputs, output.weight q4_k\n");
}

TEST(Graph, of_every_toy_reads_only_what_was_made_before) {
  const auto cases = test::toy_cases(test::source_dir() + "/tests/arch/toy_cases.txt");
  ASSERT_TRUE(cases) << cases.error().message;
  for (const test::ToyCase& c : *cases) {
    const auto toy = test::load_toy(c.options);
    ASSERT_TRUE(toy) << toy.error().message;
    const Graph& g = toy->model.graph;
    for (size_t i = 0; i < g.nodes().size(); ++i) {
      EXPECT_EQ(g.value(g.nodes()[i].out).i_node, static_cast<int>(i));
      for (const ValueId id : inputs(g.nodes()[i].op)) {
        EXPECT_LT(g.value(id).i_node, static_cast<int>(i)) << c.name;
      }
    }
    EXPECT_EQ(g.value(g.result()).rows, Rows::kOutputs);
  }
}

TEST(GraphDeath, wrong_shapes_are_a_programmers_mistake) {
  Graph g;
  const ValueId x = value(g, 24), y = value(g, 23), o = g.add(GatherOutputs{x}, "o");
  const auto dies = [&](Op op) { EXPECT_DEATH(g.add(std::move(op), "y"), "check failed"); };
  dies(Add{x, y});
  dies(Add{x, o});
  dies(Norm{.x = y, .weight = weight(g, {8}), .segment = 8});
  dies(Norm{.x = x, .weight = weight(g, {6}), .segment = 8});
  dies(MatMul{.x = y, .weight = weight(g, {7, 24})});
  dies(MatMul{.x = x, .weight = weight(g, {7, 24}), .bias = weight(g, {8})});
  dies(MatMulHeads{x, weight(g, {18, 8}), 3, 6, 2, 5});
  dies(Rope{.x = x, .n_heads = 3, .head_size = 8, .offset = 4, .spec = {.n_rot = 6}});
  dies(Rope{.x = x, .n_heads = 3, .head_size = 8, .offset = 0, .spec = {.n_rot = 5}});
  dies(Slice{x, 20, 5});
  dies(Slice{x, 0, 0});
  dies(SliceHeads{x, 5, 0, 1});
  dies(ConcatHeads{x, y, 4, 6, 3});
  dies(GatherOutputs{o});
  dies(Route{.logits = x, .n_experts = 24, .top_k = 25});
  dies(Route{.logits = x, .n_experts = 24, .top_k = 7, .n_groups = 4, .top_groups = 1});
  dies(Activate{.gate = x, .act = Act::kSwigluOai});
  dies(MatMul{.x = 99, .weight = weight(g, {7, 24})});
}

}  // namespace
}  // namespace hearth::graph
