// SPDX-License-Identifier: MIT
#include "backend/ref/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/check.h"

namespace hearth::ref {
namespace {

double score(const graph::Attention& op, std::span<const float> query, std::span<const float> key) {
  double sum = 0;
  for (size_t i = 0; i < query.size(); ++i) sum += static_cast<double>(query[i]) * key[i];
  sum *= op.scale;
  return op.soft_cap > 0 ? op.soft_cap * std::tanh(sum / op.soft_cap) : sum;
}

// Scores to weights; the sink takes its share of the sum.
void normalise(std::vector<double>& scores, const float* sink) {
  double largest = sink ? *sink : -std::numeric_limits<double>::infinity();
  for (const double value : scores) largest = std::max(largest, value);
  double sum = sink ? std::exp(*sink - largest) : 0.0;
  for (double& value : scores) {
    value = std::exp(value - largest);
    sum += value;
  }
  for (double& value : scores) value /= sum;
}

}  // namespace

bool is_visible(const graph::Attention& op, int query_position, int key_position) {
  if (op.i_cache == graph::kNone) return true;
  if (key_position > query_position) return false;
  return op.window == 0 || key_position > query_position - op.window;
}

void attention(const graph::Attention& op, const AttentionInput& in, std::span<float> out) {
  const auto k_size = static_cast<size_t>(op.k_size);
  const auto v_size = static_cast<size_t>(op.v_size);
  const auto n_heads = static_cast<size_t>(op.n_heads);
  CHECK(op.n_kv_heads > 0 && op.n_heads % op.n_kv_heads == 0);
  CHECK(in.query.size() == n_heads * k_size && out.size() == n_heads * v_size);
  CHECK(in.positions.size() == in.keys.size());
  CHECK(op.value_in_key ? v_size <= k_size : in.values.size() == in.keys.size());
  CHECK(in.sinks.empty() || in.sinks.size() == n_heads);

  std::vector<size_t> seen;
  for (size_t s = 0; s < in.keys.size(); ++s) {
    if (is_visible(op, in.query_position, in.positions[s])) seen.push_back(s);
  }
  for (size_t h = 0; h < n_heads; ++h) {
    const size_t g = h / (n_heads / static_cast<size_t>(op.n_kv_heads));
    std::vector<double> weights;
    for (const size_t s : seen) {
      weights.push_back(
          score(op, in.query.subspan(h * k_size, k_size), in.keys[s].subspan(g * k_size, k_size)));
    }
    normalise(weights, in.sinks.empty() ? nullptr : &in.sinks[h]);
    for (size_t i = 0; i < v_size; ++i) {
      double sum = 0;
      for (size_t n = 0; n < seen.size(); ++n) {
        const size_t s = seen[n];
        sum += weights[n] *
               (op.value_in_key ? in.keys[s][g * k_size + i] : in.values[s][g * v_size + i]);
      }
      out[h * v_size + i] = static_cast<float>(sum);
    }
  }
}

}  // namespace hearth::ref
