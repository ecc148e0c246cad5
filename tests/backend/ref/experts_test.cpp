// SPDX-License-Identifier: MIT
#include "backend/ref/experts.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace hearth::ref {
namespace {

using Floats = std::vector<float>;

struct Choice {
  std::vector<int32_t> ids;
  Floats weights;
};

Choice choose(const graph::Route& op, const Floats& logits, const Floats& bias = {}) {
  Choice choice{std::vector<int32_t>(static_cast<size_t>(op.top_k)),
                Floats(static_cast<size_t>(op.top_k))};
  route(op, logits, bias, choice.ids, choice.weights);
  return choice;
}

graph::Route spec(int n_experts, int top_k, graph::Gating gating) {
  return {.logits = 0, .n_experts = n_experts, .top_k = top_k, .gating = gating};
}

const Floats kLogits = {std::log(1.0f), std::log(4.0f), std::log(2.0f), std::log(3.0f)};

TEST(RefRoute, softmax_over_all_experts) {
  const Choice c = choose(spec(4, 2, graph::Gating::kSoftmax), kLogits);
  EXPECT_EQ(c.ids, (std::vector<int32_t>{1, 3}));
  EXPECT_FLOAT_EQ(c.weights[0], 0.4f);
  EXPECT_FLOAT_EQ(c.weights[1], 0.3f);
}

TEST(RefRoute, renormalised_softmax_is_the_softmax_of_the_chosen) {
  graph::Route op = spec(4, 2, graph::Gating::kSoftmax);
  op.renorm = true;
  const Choice a = choose(op, kLogits);
  const Choice b = choose(spec(4, 2, graph::Gating::kSoftmaxOfChosen), kLogits);
  EXPECT_EQ(a.ids, b.ids);
  for (size_t i = 0; i < 2; ++i) EXPECT_FLOAT_EQ(a.weights[i], b.weights[i]);
  EXPECT_FLOAT_EQ(a.weights[0], 4.0f / 7);
}

TEST(RefRoute, the_scale_comes_last) {
  graph::Route op = spec(4, 2, graph::Gating::kSoftmax);
  op.renorm = true;
  op.scale = 2.5f;
  const Choice c = choose(op, kLogits);
  EXPECT_FLOAT_EQ(c.weights[0] + c.weights[1], 2.5f);
}

TEST(RefRoute, sigmoid_judges_each_expert_by_itself) {
  const Choice c = choose(spec(4, 3, graph::Gating::kSigmoid), {0, 100, -100, 1});
  EXPECT_EQ(c.ids, (std::vector<int32_t>{1, 3, 0}));
  EXPECT_EQ(c.weights[0], 1.0f);
  EXPECT_FLOAT_EQ(c.weights[1], 1 / (1 + std::exp(-1.0f)));
  EXPECT_EQ(c.weights[2], 0.5f);
}

TEST(RefRoute, the_bias_chooses_but_does_not_weigh) {
  const Choice c = choose(spec(3, 1, graph::Gating::kSigmoid), {0, 5, 1}, {10, 0, 0});
  EXPECT_EQ(c.ids[0], 0);
  EXPECT_EQ(c.weights[0], 0.5f);
}

TEST(RefRoute, equal_scores_go_to_the_lower_id) {
  const Choice c = choose(spec(5, 3, graph::Gating::kSoftmax), {1, 2, 2, 1, 2});
  EXPECT_EQ(c.ids, (std::vector<int32_t>{1, 2, 4}));
  const Choice all = choose(spec(5, 5, graph::Gating::kSoftmax), {0, 0, 0, 0, 0});
  EXPECT_EQ(all.ids, (std::vector<int32_t>{0, 1, 2, 3, 4}));
}

TEST(RefRoute, groups_can_count_by_their_best_expert) {
  graph::Route op = spec(6, 2, graph::Gating::kSoftmax);
  op.n_groups = 3;
  op.top_groups = 1;
  op.best_of_group = 1;
  // Group 1 has the best single expert, group 2 the best pair.
  EXPECT_EQ(choose(op, {0, 0, 5, -5, 4, 4}).ids, (std::vector<int32_t>{2, 3}));
}

TEST(RefRoute, groups_count_by_their_best_two) {
  graph::Route op = spec(6, 2, graph::Gating::kSigmoid);
  op.n_groups = 3;
  op.top_groups = 1;
  const Floats zero_bias(6, 0.0f);
  EXPECT_EQ(choose(op, {0, 0, 5, -5, 4, 3}, zero_bias).ids, (std::vector<int32_t>{4, 5}));
  // The bias counts in the groups' scores too.
  EXPECT_EQ(choose(op, {0, 0, 5, -5, 4, 3}, {0, 0, 0, 2, 0, 0}).ids, (std::vector<int32_t>{3, 2}));
}

TEST(RefRoute, a_group_of_one_expert_counts_by_that_one) {
  graph::Route op = spec(3, 1, graph::Gating::kSigmoid);
  op.n_groups = 3;
  op.top_groups = 1;
  op.best_of_group = 2;
  EXPECT_EQ(choose(op, {-1, 2, 1}, {0, 0, 0}).ids, (std::vector<int32_t>{1}));
}

TEST(RefRoute, equal_groups_go_to_the_lower_group) {
  graph::Route op = spec(4, 2, graph::Gating::kSoftmax);
  op.n_groups = 2;
  op.top_groups = 1;
  EXPECT_EQ(choose(op, {1, 1, 1, 1}).ids, (std::vector<int32_t>{0, 1}));
}

TEST(RefRoute, all_groups_are_the_same_as_no_groups) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 2);
  for (int round = 0; round < 50; ++round) {
    Floats logits(16), bias(16);
    for (float& value : logits) value = normal(random);
    for (float& value : bias) value = 0.1f * normal(random);
    graph::Route op = spec(16, 5, graph::Gating::kSigmoid);
    const Choice plain = choose(op, logits, bias);
    op.n_groups = op.top_groups = 4;
    const Choice grouped = choose(op, logits, bias);
    EXPECT_EQ(plain.ids, grouped.ids);
    EXPECT_EQ(plain.weights, grouped.weights);
  }
}

TEST(RefRoute, experts_that_all_score_zero_stay_finite) {
  graph::Route op = spec(2, 2, graph::Gating::kSigmoid);
  op.renorm = true;
  const Choice c = choose(op, {-1000, -1000});
  EXPECT_EQ(c.weights, (Floats{0, 0}));
}

TEST(RefRoute, nan_is_chosen_last_and_never_breaks_the_order) {
  const float nan = std::nanf("");
  EXPECT_EQ(choose(spec(4, 4, graph::Gating::kSigmoid), {nan, 1, nan, 2}).ids,
            (std::vector<int32_t>{3, 1, 0, 2}));
}

// Two experts, D = 2, X = 1: expert e adds (e + 1) * relu(x0) * x1 to output e.
TEST(RefExperts, a_weighted_sum_of_the_chosen_by_hand) {
  const Floats gate = {1, 0, 1, 0}, up = {0, 1, 0, 1}, down = {1, 0, 0, 2};
  const auto view = [](const Floats& w, int64_t rows, int64_t cols) {
    return WeightView{DType::kF32, reinterpret_cast<const uint8_t*>(w.data()), rows, cols};
  };
  ExpertWeights layer{
      .gate = view(gate, 2, 2), .up = view(up, 2, 2), .down = view(down, 4, 1), .n_experts = 2};
  Floats out(2);
  const Floats x = {3, 5};
  experts(layer, {graph::Act::kRelu}, x, std::vector<int32_t>{1, 0}, Floats{0.5f, 0.25f}, out);
  EXPECT_EQ(out, (Floats{0.25f * 15, 0.5f * 30}));

  const Floats gate_bias = {0, 1}, up_bias = {0, -1}, down_bias = {0, 0, 7, 0};
  layer.gate_bias = gate_bias;
  layer.up_bias = up_bias;
  layer.down_bias = down_bias;
  experts(layer, {graph::Act::kRelu}, x, std::vector<int32_t>{1}, Floats{1.0f}, out);
  EXPECT_EQ(out, (Floats{7, 2 * (4 * 4)}));
}

}  // namespace
}  // namespace hearth::ref
