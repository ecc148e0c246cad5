// SPDX-License-Identifier: MIT
#include "backend/ref/experts.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "backend/ref/matmul.h"

namespace hearth::ref {
namespace {

// Below every score: an expert or group that may not be chosen.
constexpr double kExcluded = -std::numeric_limits<double>::infinity();

void softmax_in_place(std::span<double> x) {
  const double largest = *std::max_element(x.begin(), x.end());
  double sum = 0;
  for (double& value : x) sum += value = std::exp(value - largest);
  for (double& value : x) value /= sum;
}

std::vector<double> probabilities(graph::Gating gating, std::span<const float> logits) {
  std::vector<double> p(logits.begin(), logits.end());
  if (gating == graph::Gating::kSoftmax) softmax_in_place(p);
  if (gating == graph::Gating::kSigmoid) {
    for (double& value : p) value = 1.0 / (1.0 + std::exp(-value));
  }
  return p;
}

// The indices of the k largest scores, largest first, equal ones by the lower index, NaN last.
std::vector<size_t> best(std::span<const double> scores, int k) {
  std::vector<size_t> order(scores.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const bool b_is_nan = std::isnan(scores[b]);
    return std::isnan(scores[a]) ? false : b_is_nan || scores[a] > scores[b];
  });
  order.resize(static_cast<size_t>(k));
  return order;
}

// Excludes the experts of all but the best groups.
void keep_best_groups(const graph::Route& op, std::span<double> scores) {
  const auto n_groups = static_cast<size_t>(op.n_groups);
  const size_t size = scores.size() / n_groups;
  std::vector<double> group_scores;
  for (size_t g = 0; g < n_groups; ++g) {
    const auto group = scores.subspan(g * size, size);
    double sum = 0;
    // A group of one expert has no second best.
    const int counted = std::min(op.best_of_group, static_cast<int>(size));
    for (const size_t i : best(group, counted)) sum += group[i];
    group_scores.push_back(sum);
  }
  std::vector<bool> is_kept(n_groups, false);
  for (const size_t g : best(group_scores, op.top_groups)) is_kept[g] = true;
  for (size_t i = 0; i < scores.size(); ++i) {
    if (!is_kept[i / size]) scores[i] = kExcluded;
  }
}

}  // namespace

void route(const graph::Route& op, std::span<const float> logits,
           std::span<const float> select_bias, std::span<int32_t> ids, std::span<float> weights) {
  const auto k = static_cast<size_t>(op.top_k);
  CHECK(logits.size() == static_cast<size_t>(op.n_experts) && k > 0 && k <= logits.size());
  CHECK(ids.size() == k && weights.size() == k);
  CHECK(select_bias.empty() || select_bias.size() == logits.size());
  CHECK(op.n_groups > 0 && op.n_experts % op.n_groups == 0);
  CHECK(op.n_groups == 1 ||
        (op.best_of_group > 0 && op.top_groups > 0 && op.top_groups <= op.n_groups &&
         op.top_groups * (op.n_experts / op.n_groups) >= op.top_k));

  const std::vector<double> p = probabilities(op.gating, logits);
  std::vector<double> scores = p;
  for (size_t i = 0; i < select_bias.size(); ++i) scores[i] += select_bias[i];
  if (op.n_groups > 1) keep_best_groups(op, scores);

  std::vector<double> chosen;
  const std::vector<size_t> order = best(scores, op.top_k);
  for (const size_t i : order) chosen.push_back(p[i]);
  if (op.gating == graph::Gating::kSoftmaxOfChosen) softmax_in_place(chosen);
  double divisor = 1.0;
  if (op.renorm) {
    double sum = 0;
    for (const double value : chosen) sum += value;
    divisor = std::max(0x1p-14, sum);
  }
  for (size_t i = 0; i < k; ++i) {
    ids[i] = static_cast<int32_t>(order[i]);
    weights[i] = static_cast<float>(chosen[i] / divisor * op.scale);
  }
}

void experts(const ExpertWeights& layer, Activation activation, std::span<const float> x,
             std::span<const int32_t> ids, std::span<const float> weights, std::span<float> out) {
  CHECK(ids.size() == weights.size() && layer.n_experts > 0);
  const int64_t inner = layer.gate.n_rows / layer.n_experts;
  const auto width = static_cast<int64_t>(out.size());
  CHECK(layer.down.n_rows == layer.n_experts * width && layer.down.n_cols == inner);

  const auto product = [](const WeightView& w, std::span<const float> bias, int64_t e, int64_t n,
                          std::span<const float> in) {
    std::vector<float> result(static_cast<size_t>(n));
    const auto part = bias.empty() ? bias : bias.subspan(static_cast<size_t>(e * n), result.size());
    matmul(w.rows(e * n, n), part, Rows(in.data(), 1, static_cast<int64_t>(in.size())),
           MutableRows(result.data(), 1, n));
    return result;
  };
  std::vector<double> sum(out.size(), 0.0);
  for (size_t i = 0; i < ids.size(); ++i) {
    const int64_t e = ids[i];
    CHECK(e >= 0 && e < layer.n_experts);
    std::vector<float> hidden = product(layer.gate, layer.gate_bias, e, inner, x);
    const std::vector<float> up = product(layer.up, layer.up_bias, e, inner, x);
    activate(activation, hidden, up, hidden);
    const std::vector<float> result = product(layer.down, layer.down_bias, e, width, hidden);
    for (size_t c = 0; c < out.size(); ++c) sum[c] += static_cast<double>(weights[i]) * result[c];
  }
  for (size_t c = 0; c < out.size(); ++c) out[c] = static_cast<float>(sum[c]);
}

}  // namespace hearth::ref
