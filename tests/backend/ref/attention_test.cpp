// SPDX-License-Identifier: MIT
#include "backend/ref/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>
#include <vector>

#include "backend/ref/row_ops.h"

namespace hearth::ref {
namespace {

using Floats = std::vector<float>;

graph::Attention spec(int n_heads, int n_kv_heads, int k_size, int v_size) {
  return {.q = 0,
          .k = 1,
          .v = 2,
          .i_cache = 0,
          .n_heads = n_heads,
          .n_kv_heads = n_kv_heads,
          .k_size = k_size,
          .v_size = v_size,
          .scale = 1.0f};
}

// Cached rows that own their values.
struct Cache {
  std::vector<Floats> k, v;
  std::vector<int32_t> positions;

  Floats run(const graph::Attention& op, const Floats& query, int position,
             const Floats& sinks = {}) const {
    std::vector<std::span<const float>> keys(k.begin(), k.end());
    std::vector<std::span<const float>> values(v.begin(), v.end());
    Floats out(static_cast<size_t>(op.n_heads * op.v_size));
    attention(op, {query, position, keys, values, positions, sinks}, out);
    return out;
  }
};

Cache random_cache(int n, int k_width, int v_width) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0, 1);
  Cache cache;
  for (int s = 0; s < n; ++s) {
    Floats key(static_cast<size_t>(k_width)), value(static_cast<size_t>(v_width));
    for (float& x : key) x = normal(random);
    for (float& x : value) x = normal(random);
    cache.k.push_back(key);
    cache.v.push_back(value);
    cache.positions.push_back(s);
  }
  return cache;
}

TEST(RefAttention, two_positions_by_hand) {
  Cache cache{{{1, 0}, {0, 1}}, {{10}, {20}}, {0, 1}};
  graph::Attention op = spec(1, 1, 2, 1);
  // Scores ln 3 and 0: weights 3/4 and 1/4.
  const float ln3 = std::log(3.0f);
  EXPECT_NEAR(cache.run(op, {ln3, 0}, 1)[0], 12.5f, 1e-5f);
  op.scale = 0;
  EXPECT_EQ(cache.run(op, {ln3, 0}, 1)[0], 15.0f);
}

TEST(RefAttention, heads_share_the_keys_of_their_group) {
  // 4 heads on 2 kv heads: heads 0 and 1 read the first, 2 and 3 the second.
  Cache cache{{{1, 1}}, {{5, 7}}, {0}};
  EXPECT_EQ(cache.run(spec(4, 2, 1, 1), {1, 2, 3, 4}, 0), (Floats{5, 5, 7, 7}));
}

TEST(RefAttention, sees_its_own_position_and_the_window_before_it) {
  graph::Attention op = spec(1, 1, 1, 1);
  EXPECT_TRUE(is_visible(op, 5, 5));
  EXPECT_TRUE(is_visible(op, 5, 0));
  EXPECT_FALSE(is_visible(op, 5, 6));
  op.window = 3;
  EXPECT_TRUE(is_visible(op, 5, 3));
  EXPECT_FALSE(is_visible(op, 5, 2));
  op.i_cache = graph::kNone;
  EXPECT_TRUE(is_visible(op, 5, 6));
}

TEST(RefAttention, what_is_not_seen_changes_nothing) {
  graph::Attention op = spec(2, 1, 4, 3);
  op.window = 4;
  Cache cache = random_cache(12, 4, 3);
  const Floats query = {0.5f, -1, 0.25f, 2, 1, 1, -1, 0.5f};
  const Floats before = cache.run(op, query, 8);
  for (const size_t hidden : {0u, 4u, 9u, 11u}) {
    cache.k[hidden].assign(4, std::nanf(""));
    cache.v[hidden].assign(3, std::nanf(""));
  }
  EXPECT_EQ(cache.run(op, query, 8), before);
  EXPECT_TRUE(std::isnan(cache.run(op, query, 9)[0]));
}

TEST(RefAttention, equals_the_softmax_of_scores_with_caps_and_sinks) {
  graph::Attention op = spec(2, 2, 4, 3);
  op.scale = 0.7f;
  op.soft_cap = 2.0f;
  const Cache cache = random_cache(6, 8, 6);
  const Floats query = {0.5f, -1, 0.25f, 2, 1, 1, -1, 0.5f}, sinks = {0.3f, -0.4f};
  const Floats out = cache.run(op, query, 5, sinks);
  for (size_t h = 0; h < 2; ++h) {
    Floats scores, weights(6);
    for (size_t s = 0; s < 6; ++s) {
      scores.push_back(op.scale * std::inner_product(query.begin() + 4 * long(h),
                                                     query.begin() + 4 * long(h + 1),
                                                     cache.k[s].begin() + 4 * long(h), 0.0f));
    }
    soft_cap(scores, op.soft_cap, scores);
    softmax(scores, &sinks[h], weights);
    for (size_t i = 0; i < 3; ++i) {
      double sum = 0, magnitude = 0;
      for (size_t s = 0; s < 6; ++s) {
        sum += static_cast<double>(weights[s]) * cache.v[s][h * 3 + i];
        magnitude += std::fabs(static_cast<double>(weights[s]) * cache.v[s][h * 3 + i]);
      }
      // Here scores are floats: about ten roundings of values up to 8 go into each exponent.
      EXPECT_NEAR(out[h * 3 + i], sum, magnitude * (2 * 10 * 8 + 4) * 0x1p-24) << h << " " << i;
    }
  }
}

TEST(RefAttention, values_inside_the_keys_are_the_first_of_each_key) {
  graph::Attention op = spec(1, 1, 3, 2);
  op.value_in_key = true;
  op.scale = 0;
  Cache cache{{{1, 2, 99}, {3, 4, 99}}, {}, {0, 1}};
  EXPECT_EQ(cache.run(op, {1, 1, 1}, 1), (Floats{2, 3}));
}

TEST(RefAttention, a_query_that_sees_nothing_gives_zeros) {
  const graph::Attention op = spec(1, 1, 1, 2);
  Cache cache{{{1}}, {{5, 6}}, {7}};
  EXPECT_EQ(cache.run(op, {1}, 3), (Floats{0, 0}));
  EXPECT_EQ(cache.run(op, {1}, 3, {0.5f}), (Floats{0, 0}));
}

TEST(RefAttention, the_order_of_cached_rows_does_not_matter_beyond_rounding) {
  const graph::Attention op = spec(1, 1, 4, 3);
  const Cache cache = random_cache(9, 4, 3);
  Cache turned;
  for (size_t s = 9; s-- > 0;) {
    turned.k.push_back(cache.k[s]);
    turned.v.push_back(cache.v[s]);
    turned.positions.push_back(cache.positions[s]);
  }
  const Floats query = {1, -1, 0.5f, 0.25f};
  const Floats a = cache.run(op, query, 8), b = turned.run(op, query, 8);
  for (size_t i = 0; i < 3; ++i) EXPECT_FLOAT_EQ(a[i], b[i]);
}

}  // namespace
}  // namespace hearth::ref
