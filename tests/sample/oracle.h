// SPDX-License-Identifier: MIT
// The samplers by their definitions: full sorts, plain vectors, libm in double. Slow and short; the
// oracle for src/sample. Each takes and returns tokens sorted by rank.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <set>
#include <span>
#include <vector>

#include "sample/candidates.h"

namespace hearth::sample::oracle {

struct Token {
  int32_t id;
  double logit;
};
using Tokens = std::vector<Token>;

inline Tokens sorted(std::span<const float> logits) {
  Tokens tokens;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (!std::isinf(logits[i])) tokens.push_back({static_cast<int32_t>(i), logits[i]});
  }
  // Stable: equal logits stay in the order of their ids.
  std::stable_sort(tokens.begin(), tokens.end(),
                   [](const Token& a, const Token& b) { return a.logit > b.logit; });
  return tokens;
}

inline std::vector<double> probabilities(const Tokens& tokens) {
  std::vector<double> p;
  double sum = 0;
  for (const Token& t : tokens) sum += p.emplace_back(std::exp(t.logit - tokens[0].logit));
  for (double& x : p) x /= sum;
  return p;
}

inline double entropy(const Tokens& tokens) {
  double h = 0;
  for (const double p : probabilities(tokens)) h -= p > 0 ? p * std::log(p) : 0;
  return h;
}

inline Tokens top_k(Tokens tokens, size_t k) {
  tokens.resize(std::min(k, tokens.size()));
  return tokens;
}

inline Tokens top_p(Tokens tokens, double p, size_t min_keep) {
  const std::vector<double> ps = probabilities(tokens);
  size_t n = 0;
  double sum = 0;
  while (n < tokens.size() && (n == 0 || sum < p || n < min_keep)) sum += ps[n++];
  tokens.resize(n);
  return tokens;
}

inline Tokens min_p(Tokens tokens, double p, size_t min_keep) {
  const std::vector<double> ps = probabilities(tokens);
  size_t n = 0;
  while (n < tokens.size() && (n < min_keep || ps[n] >= p * ps[0])) ++n;
  tokens.resize(n);
  return tokens;
}

inline Tokens typical(const Tokens& tokens, double p, size_t min_keep) {
  const std::vector<double> ps = probabilities(tokens);
  const double h = entropy(tokens);
  std::vector<size_t> order(tokens.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::fabs(-std::log(ps[a]) - h) < std::fabs(-std::log(ps[b]) - h);
  });
  std::set<size_t> kept;
  double sum = 0;
  for (const size_t i : order) {
    kept.insert(i);
    sum += ps[i];
    if (sum > p && kept.size() >= min_keep) break;
  }
  Tokens result;
  for (const size_t i : kept) result.push_back(tokens[i]);
  return result;
}

inline Tokens xtc(Tokens tokens, double threshold) {
  const std::vector<double> ps = probabilities(tokens);
  size_t above = 0;
  while (above < ps.size() && ps[above] >= threshold) ++above;
  if (above >= 2) tokens.erase(tokens.begin(), tokens.begin() + static_cast<long>(above - 1));
  return tokens;
}

inline Tokens top_n_sigma(const Tokens& tokens, double n) {
  double mean = 0;
  for (const Token& t : tokens) mean += t.logit / static_cast<double>(tokens.size());
  double variance = 0;
  for (const Token& t : tokens)
    variance += (t.logit - mean) * (t.logit - mean) / static_cast<double>(tokens.size());
  Tokens result;
  for (const Token& t : tokens) {
    if (t.logit >= tokens[0].logit - n * std::sqrt(variance)) result.push_back(t);
  }
  return result;
}

// Fixed seeds: the standard engine's bits are specified, its distributions are not, so numbers are
// made from the bits.
class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  double uniform() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }
  size_t below(size_t n) { return engine_() % n; }
  double normal() {
    return std::sqrt(-2 * std::log(1 - uniform())) * std::cos(6.283185307179586 * uniform());
  }

 private:
  std::mt19937_64 engine_;
};

// Logits as models make them: a bulk and some that stand out; some equal, some forbidden.
inline std::vector<float> random_logits(Random& random, size_t n) {
  std::vector<float> logits(n);
  const double spread = 0.5 + 4 * random.uniform();
  for (float& x : logits) x = static_cast<float>(spread * random.normal());
  for (size_t i = 0; i < n / 8; ++i) logits[random.below(n)] = logits[random.below(n)];
  for (size_t i = 0; i < n / 16; ++i)
    logits[random.below(n)] = -std::numeric_limits<float>::infinity();
  logits[random.below(n)] = static_cast<float>(spread * 2);
  return logits;
}

inline std::vector<int32_t> ids(const Tokens& tokens) {
  std::vector<int32_t> result;
  for (const Token& t : tokens) result.push_back(t.id);
  return result;
}

inline std::vector<int32_t> sorted_ids(Candidates candidates) {
  candidates.sort_prefix(candidates.size());
  std::vector<int32_t> result;
  for (const Candidate& c : candidates.items()) result.push_back(c.id);
  return result;
}

}  // namespace hearth::sample::oracle
