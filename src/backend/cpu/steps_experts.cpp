// SPDX-License-Identifier: MIT
// The mixture of experts on the CPU: each token's choice of experts gives top_k pairs (token,
// rank); pairs are grouped by expert so that an expert's weights are read once per batch, its
// products run over the group, and each token sums its pairs in the order of rank (the same for any
// batch).
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <vector>

#include "backend/cpu/step.h"

namespace hearth::cpu {
namespace {

// The groups row, all int32: begin[E + 1] (pairs of expert e are order[begin[e] .. begin[e + 1])),
// then order[pairs] (pair = token * top_k + rank), then slot[pairs] (where a pair stands in order).
struct Groups {
  int32_t* begin;
  int32_t* order;
  int32_t* slot;
};

Groups groups_of(const Frame& frame, const Place& place, int n_experts, int n_pairs) {
  auto* words = reinterpret_cast<int32_t*>(row_bytes_of(frame, place, 0));
  return {words, words + n_experts + 1, words + n_experts + 1 + n_pairs};
}

int32_t chosen(const float* route, int rank) { return std::bit_cast<int32_t>(route[rank]); }

// Scores that experts are chosen by: probabilities (plus bias), or the logits themselves.
void choice_scores(const graph::Route& op, const float* logits, const float* bias,
                   std::vector<float>& probabilities, std::vector<float>& scores) {
  const int n = op.n_experts;
  if (op.gating == graph::Gating::kSigmoid) {
    for (int e = 0; e < n; ++e) {
      probabilities[static_cast<size_t>(e)] = 1.0f / (1.0f + std::exp(-logits[e]));
    }
  } else if (op.gating == graph::Gating::kSoftmax) {
    const float max = *std::max_element(logits, logits + n);
    float sum = 0.0f;
    for (int e = 0; e < n; ++e) {
      probabilities[static_cast<size_t>(e)] = std::exp(logits[e] - max);
      sum += probabilities[static_cast<size_t>(e)];
    }
    for (float& p : probabilities) p /= sum;
  } else {
    std::copy_n(logits, n, probabilities.begin());
  }
  for (int e = 0; e < n; ++e) {
    const auto i = static_cast<size_t>(e);
    scores[i] = probabilities[i] + (bias != nullptr ? bias[e] : 0.0f);
    if (std::isnan(scores[i])) scores[i] = -INFINITY;  // chosen last
  }
}

// Takes all but the best groups out of the choice.
void keep_best_groups(const graph::Route& op, std::vector<float>& scores) {
  const int size = op.n_experts / op.n_groups;
  thread_local std::vector<std::pair<float, int>> ranked;
  thread_local std::vector<float> best;
  ranked.clear();
  for (int g = 0; g < op.n_groups; ++g) {
    best.assign(scores.begin() + g * size, scores.begin() + (g + 1) * size);
    const int n = std::min(op.best_of_group, size);
    std::partial_sort(best.begin(), best.begin() + n, best.end(), std::greater<>());
    float sum = 0.0f;
    for (int i = 0; i < n; ++i) sum += best[static_cast<size_t>(i)];
    ranked.emplace_back(-sum, g);  // ascending: the best first, ties to the lower group
  }
  std::sort(ranked.begin(), ranked.end());
  for (size_t i = static_cast<size_t>(op.top_groups); i < ranked.size(); ++i) {
    const int begin = ranked[i].second * size;
    std::fill_n(scores.begin() + begin, size, -INFINITY);
  }
}

// The chosen experts' weights, as Route defines them.
void route_weights(const graph::Route& op, const std::vector<float>& probabilities, float* route) {
  float* weights = route + op.top_k;
  for (int r = 0; r < op.top_k; ++r) {
    weights[r] = probabilities[static_cast<size_t>(chosen(route, r))];
  }
  if (op.gating == graph::Gating::kSoftmaxOfChosen) {
    const float max = *std::max_element(weights, weights + op.top_k);
    for (int r = 0; r < op.top_k; ++r) weights[r] = std::exp(weights[r] - max);
  }
  if (op.renorm || op.gating == graph::Gating::kSoftmaxOfChosen) {
    float sum = 0.0f;
    for (int r = 0; r < op.top_k; ++r) sum += weights[r];
    sum = std::max(sum, 0x1p-14f);  // as backend/ref: experts that all score 0 stay finite
    for (int r = 0; r < op.top_k; ++r) weights[r] /= sum;
  }
  for (int r = 0; r < op.top_k; ++r) weights[r] *= op.scale;
}

}  // namespace

StepFn route_step(const graph::Route& op, const float* select_bias, Place logits, Place out) {
  return [=](const Frame& frame, int thread) {
    const Slice share = row_share(frame, out, thread);
    if (share.empty()) return;
    const auto n = static_cast<size_t>(op.n_experts);
    // Kept per thread so that nothing is allocated after the first token.
    thread_local std::vector<float> probabilities, scores;
    probabilities.resize(n);
    scores.resize(n);
    for (int64_t t = share.begin; t < share.end; ++t) {
      choice_scores(op, row_of(frame, logits, t), select_bias, probabilities, scores);
      if (op.n_groups > 1) keep_best_groups(op, scores);
      float* route = row_of(frame, out, t);
      for (int r = 0; r < op.top_k; ++r) {
        const auto best = std::max_element(scores.begin(), scores.end());
        const auto e = static_cast<int32_t>(best - scores.begin());
        route[r] = std::bit_cast<float>(e);
        *best = -INFINITY;
      }
      route_weights(op, probabilities, route);
    }
  };
}

int64_t expert_groups_bytes(int n_experts, int max_pairs) {
  return int64_t{sizeof(int32_t)} * (int64_t{n_experts} + 1 + 2 * int64_t{max_pairs});
}

StepFn group_experts_step(int n_experts, int top_k, Place route, Place groups_place) {
  return [=](const Frame& frame, int thread) {
    if (!frame.replicated && thread != 0) return;
    const int n_pairs = frame.n_tokens * top_k;
    const Groups groups = groups_of(frame, groups_place, n_experts, n_pairs);
    // Counting sort by expert, stable in the order of pairs.
    std::fill_n(groups.begin, n_experts + 1, 0);
    for (int pair = 0; pair < n_pairs; ++pair) {
      ++groups.begin[chosen(row_of(frame, route, pair / top_k), pair % top_k) + 1];
    }
    for (int e = 0; e < n_experts; ++e) groups.begin[e + 1] += groups.begin[e];
    for (int pair = n_pairs - 1; pair >= 0; --pair) {
      const int32_t e = chosen(row_of(frame, route, pair / top_k), pair % top_k);
      const int32_t at = --groups.begin[e + 1];
      groups.order[at] = pair;
      groups.slot[pair] = at;
    }
    // Each begin[e + 1] has walked down to the start of e's group: shift back to begins.
    for (int e = 0; e < n_experts; ++e) groups.begin[e] = groups.begin[e + 1];
    groups.begin[n_experts] = n_pairs;
  };
}

StepFn gather_experts_step(int n_experts, int top_k, Place x, Place groups_place, Place gathered) {
  return [=](const Frame& frame, int thread) {
    const Groups groups = groups_of(frame, groups_place, n_experts, frame.n_tokens * top_k);
    const Slice share = row_share(frame, gathered, thread);
    for (int64_t i = share.begin; i < share.end; ++i) {
      std::memcpy(row_bytes_of(frame, gathered, i), row_bytes_of(frame, x, groups.order[i] / top_k),
                  static_cast<size_t>(gathered.row_bytes));
    }
  };
}

StepFn expert_product_step(const KernelTable& k, const graph::WeightRef& weight, const float* bias,
                           int top_k, Place groups_place, Place in, Place out) {
  const MatmulFn product = k.matmul[static_cast<int>(weight_of(weight.type))];
  const auto n_experts = static_cast<int>(weight.shape[0]);
  const auto n_rows = static_cast<int>(weight.shape[1]);
  const auto n_cols = static_cast<int>(weight.shape[2]);
  const int64_t bytes = row_bytes(weight.type, n_cols);
  return [=, &k, data = weight.data](const Frame& frame, int thread) {
    const Groups groups = groups_of(frame, groups_place, n_experts, frame.n_tokens * top_k);
    const int n_active = std::min(n_experts, frame.n_tokens * top_k);
    const int n_pairs_each = frame.n_tokens * top_k / std::max(n_active, 1);
    for_columns(frame, n_rows, n_active * bytes, n_pairs_each, thread, [&](const Slice& columns) {
      const auto n = static_cast<int>(columns.size());
      for (int e = 0; e < n_experts; ++e) {
        const int begin = groups.begin[e], count = groups.begin[e + 1] - begin;
        if (count == 0) continue;
        product({.weights = data + (int64_t{e} * n_rows + columns.begin) * bytes,
                 .row_bytes = bytes,
                 .n_rows = n,
                 .n_cols = n_cols,
                 .acts = row_bytes_of(frame, in, begin),
                 .act_bytes = in.row_bytes,
                 .n_tokens = count,
                 .out = row_of(frame, out, begin) + columns.begin,
                 .out_stride = out.row_bytes / static_cast<int64_t>(sizeof(float))});
        if (bias == nullptr) continue;
        for (int i = begin; i < begin + count; ++i) {
          float* to = row_of(frame, out, i) + columns.begin;
          k.add(to, bias + int64_t{e} * n_rows + columns.begin, n, to);
        }
      }
    });
  };
}

StepFn combine_experts_step(const KernelTable& k, int n_experts, int top_k, Place route,
                            Place groups_place, Place down, Place out, Share share) {
  return [=, &k](const Frame& frame, int thread) {
    const Groups groups = groups_of(frame, groups_place, n_experts, frame.n_tokens * top_k);
    for_values(frame, out, thread, share, [&](int64_t t, int64_t begin, int n) {
      float* to = row_of(frame, out, t) + begin;
      const float* weights = row_of(frame, route, t) + top_k;
      std::fill_n(to, n, 0.0f);
      for (int r = 0; r < top_k; ++r) {
        const int32_t slot = groups.slot[t * top_k + r];
        k.add_scaled(row_of(frame, down, slot) + begin, weights[r], n, to);
      }
    });
  };
}

}  // namespace hearth::cpu
