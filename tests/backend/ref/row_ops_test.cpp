// SPDX-License-Identifier: MIT
#include "backend/ref/row_ops.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <vector>

namespace hearth::ref {
namespace {

using Floats = std::vector<float>;
constexpr float kInf = std::numeric_limits<float>::infinity();

void expect_near(const Floats& a, const Floats& b, float bound) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], bound) << i;
}

TEST(RefNorm, rms_by_hand) {
  Floats out(2);
  rms_norm(Floats{3, 4}, {}, 0, 2, out);  // root of mean square: sqrt(12.5)
  expect_near(out, {3 / std::sqrt(12.5f), 4 / std::sqrt(12.5f)}, 1e-7f);
  rms_norm(Floats{3, 4}, Floats{2, -1}, 3.5f, 2, out);  // sqrt(16) = 4
  EXPECT_EQ(out, (Floats{1.5f, -1.0f}));
}

TEST(RefNorm, segments_are_normalised_by_themselves_with_shared_weights) {
  Floats out(4);
  rms_norm(Floats{2, 2, 30, 30}, Floats{1, 5}, 0, 2, out);
  EXPECT_EQ(out, (Floats{1, 5, 1, 5}));
}

TEST(RefNorm, layer_norm_by_hand) {
  Floats out(4);
  // mean 4, variance 5: minus eps 4 gives sqrt(9) = 3.
  layer_norm(Floats{1, 3, 5, 7}, {}, {}, 4.0f, 4, out);
  expect_near(out, {-1, -1.0f / 3, 1.0f / 3, 1}, 1e-7f);
  layer_norm(Floats{1, 3, 5, 7}, Floats{3, 3, 3, 3}, Floats{0, 0, 0, 10}, 4.0f, 4, out);
  expect_near(out, {-3, -1, 1, 13}, 1e-6f);
}

TEST(RefNorm, layer_norm_ignores_a_shift_and_rms_norm_ignores_a_factor) {
  const Floats x = {0.5f, -1.5f, 2.0f, 0.25f};
  Floats shifted = x, scaled = x, a(4), b(4);
  for (float& value : shifted) value += 8;
  for (float& value : scaled) value *= 4;
  layer_norm(x, {}, {}, 0, 4, a);
  layer_norm(shifted, {}, {}, 0, 4, b);
  EXPECT_EQ(a, b);  // sums of short numbers: exact
  rms_norm(x, {}, 0, 4, a);
  rms_norm(scaled, {}, 0, 4, b);
  EXPECT_EQ(a, b);
}

TEST(RefNorm, works_in_place) {
  Floats x = {3, 4}, out(2);
  rms_norm(x, {}, 1e-5f, 2, out);
  rms_norm(x, {}, 1e-5f, 2, x);
  EXPECT_EQ(x, out);
}

TEST(RefRotate, a_quarter_turn_in_both_pair_orders) {
  const Floats cos = {0, 1}, sin = {1, 0};
  Floats halves = {1, 2, 3, 4, 9};
  rotate(graph::PairOrder::kHalves, cos, sin, halves);
  EXPECT_EQ(halves, (Floats{-3, 2, 1, 4, 9}));
  Floats interleaved = {1, 2, 3, 4, 9};
  rotate(graph::PairOrder::kInterleaved, cos, sin, interleaved);
  EXPECT_EQ(interleaved, (Floats{-2, 1, 3, 4, 9}));
}

TEST(RefRotate, keeps_lengths_and_the_product_depends_on_the_distance_alone) {
  const auto turned = [](Floats x, int position) {
    Floats cos, sin;
    for (const double f : {1.0, 0.1}) {
      cos.push_back(static_cast<float>(std::cos(position * f)));
      sin.push_back(static_cast<float>(std::sin(position * f)));
    }
    rotate(graph::PairOrder::kHalves, cos, sin, x);
    return x;
  };
  const auto dot = [](const Floats& a, const Floats& b) {
    return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
  };
  const Floats q = {0.3f, -0.7f, 1.1f, 0.2f}, k = {-0.4f, 0.9f, 0.5f, 0.6f};
  // Four products of values below 2, each with three roundings of 2^-24.
  const double bound = 4 * 4 * 3 * 0x1p-24;
  EXPECT_NEAR(dot(turned(q, 5), turned(q, 5)), dot(q, q), bound);
  EXPECT_NEAR(dot(turned(q, 12), turned(k, 5)), dot(turned(q, 107), turned(k, 100)), bound);
}

TEST(RefSoftmax, sums_to_one_and_ignores_a_shift) {
  const Floats x = {1, 2, 3};
  Floats out(3), shifted(3);
  softmax(x, nullptr, out);
  softmax(Floats{1001, 1002, 1003}, nullptr, shifted);
  EXPECT_EQ(out, shifted);
  EXPECT_NEAR(out[0] + out[1] + out[2], 1.0f, 3 * 0x1p-24);
  EXPECT_NEAR(out[2] / out[1], std::numbers::e, 1e-6);
}

TEST(RefSoftmax, a_sink_takes_its_share_and_gives_nothing) {
  Floats out(2);
  const float sink = 0;
  softmax(Floats{0, 0}, &sink, out);
  expect_near(out, {1.0f / 3, 1.0f / 3}, 1e-7f);
  const float strong = 1000;
  softmax(Floats{0, 0}, &strong, out);
  EXPECT_EQ(out, (Floats{0, 0}));
}

TEST(RefSoftmax, excluded_entries_are_zero_also_when_all_are) {
  Floats out(2);
  softmax(Floats{-kInf, 5}, nullptr, out);
  EXPECT_EQ(out, (Floats{0, 1}));
  softmax(Floats{-kInf, -kInf}, nullptr, out);
  EXPECT_EQ(out, (Floats{0, 0}));
}

TEST(RefSoftmax, nan_is_not_hidden) {
  Floats out(2);
  softmax(Floats{std::nanf(""), 5}, nullptr, out);
  EXPECT_TRUE(std::isnan(out[0]) && std::isnan(out[1]));
}

TEST(RefSoftCap, is_nearly_the_identity_near_zero_and_stays_below_the_cap) {
  Floats out(4);
  soft_cap(Floats{0.01f, -0.01f, 500, -500}, 30, out);
  // x - x^3 / (3 cap^2) + ...
  EXPECT_NEAR(out[0], 0.01f, 1e-9f);
  EXPECT_NEAR(out[1], -0.01f, 1e-9f);
  EXPECT_EQ(out[2], 30.0f);
  EXPECT_EQ(out[3], -30.0f);
}

TEST(RefActivate, known_values) {
  const Floats x = {-1, 0, 1, 2};
  Floats out(4);
  activate({graph::Act::kRelu}, x, {}, out);
  EXPECT_EQ(out, (Floats{0, 0, 1, 2}));
  activate({graph::Act::kSilu}, x, {}, out);  // x / (1 + e^-x)
  expect_near(out, {-0.26894142f, 0, 0.73105858f, 1.76159416f}, 1e-7f);
  activate({graph::Act::kGeluErf}, x, {}, out);  // x times the normal distribution function
  expect_near(out, {-0.15865525f, 0, 0.84134475f, 1.95449974f}, 2e-7f);
  activate({graph::Act::kGeluTanh}, x, {}, out);
  expect_near(out, {-0.15880801f, 0, 0.84119199f, 1.95459769f}, 2e-7f);
}

TEST(RefActivate, multiplies_by_up_and_survives_extremes) {
  Floats out(3);
  for (const graph::Act act :
       {graph::Act::kSilu, graph::Act::kGeluTanh, graph::Act::kGeluErf, graph::Act::kRelu}) {
    activate({act}, Floats{-1000, 0, 1000}, Floats{2, 2, 2}, out);
    EXPECT_EQ(out, (Floats{0, 0, 2000}));
  }
}

TEST(RefActivate, swiglu_oai_clamps_both_sides_its_own_way) {
  // limit 7, alpha 1.702: gate is cut above only, up on both sides, and up has one added.
  Floats out(4);
  activate({graph::Act::kSwigluOai, 1.702f, 7.0f}, Floats{0, 100, 1, -1000},
           Floats{5, 100, -100, 3}, out);
  const auto gate = [](double g) { return g / (1 + std::exp(-static_cast<double>(1.702f) * g)); };
  expect_near(out, {0, static_cast<float>(8 * gate(7)), static_cast<float>(-6 * gate(1)), 0},
              4e-6f);
}

TEST(RefPositionScale, grows_by_steps) {
  EXPECT_EQ(position_scale(0.1f, 8192, 0), 1.0f);
  EXPECT_EQ(position_scale(0.1f, 8192, 8191), 1.0f);
  EXPECT_FLOAT_EQ(position_scale(0.1f, 8192, 8192), 1 + 0.1f * std::log(2.0f));
  EXPECT_FLOAT_EQ(position_scale(0.1f, 8192, 3 * 8192), 1 + 0.1f * std::log(4.0f));
}

}  // namespace
}  // namespace hearth::ref
