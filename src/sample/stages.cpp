// SPDX-License-Identifier: MIT
// See stages.h.
#include "sample/stages.h"

#include <cmath>
#include <limits>

#include "base/check.h"
#include "sample/logit.h"
#include "sample/portable_math.h"

namespace hearth::sample {
namespace {

constexpr float kForbidden = -std::numeric_limits<float>::infinity();

// In nats, over p as softmax() left it.
double entropy_of(const Candidates& candidates) {
  double entropy = 0;
  for (const Candidate& c : candidates.items()) {
    if (c.p > 0) entropy -= c.p * portable_log(c.p);
  }
  return entropy;
}

}  // namespace

void apply_logit_bias(std::span<float> logits, std::span<const LogitBias> biases) {
  for (const LogitBias& b : biases) {
    float& logit = logits[static_cast<size_t>(b.id)];
    logit = to_logit(logit + b.bias);
  }
}

void apply_mask(std::span<float> logits, std::span<const uint64_t> allowed) {
  if (allowed.empty()) return;
  CHECK(allowed.size() == (logits.size() + 63) / 64);
  for (size_t word = 0; word < allowed.size(); ++word) {
    if (allowed[word] == ~uint64_t{0}) continue;
    const size_t end = std::min(logits.size(), (word + 1) * 64);
    for (size_t i = word * 64; i < end; ++i) {
      if (!(allowed[word] >> (i % 64) & 1u)) logits[i] = kForbidden;
    }
  }
}

void apply_top_n_sigma(std::span<float> logits, double n) {
  if (!(n > 0)) return;
  double highest = -std::numeric_limits<double>::infinity();
  double sum = 0;
  size_t count = 0;
  for (const float logit : logits) {
    if (logit == kForbidden) continue;
    highest = std::max<double>(highest, logit);
    sum += logit;
    ++count;
  }
  if (count == 0) return;
  const double mean = sum / static_cast<double>(count);
  double squares = 0;
  for (const float logit : logits) {
    if (logit != kForbidden) squares += (logit - mean) * (logit - mean);
  }
  const double floor = highest - n * std::sqrt(squares / static_cast<double>(count));
  for (float& logit : logits) {
    if (logit < floor) logit = kForbidden;
  }
}

void cut_top_p(Candidates& candidates, double p, size_t min_keep) {
  if (p >= 1) return;
  candidates.softmax();
  double sum = 0;
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (i == candidates.n_sorted()) candidates.grow_sorted();
    sum += candidates[i].p;
    if (sum >= p && i + 1 >= min_keep) {
      candidates.keep_first(i + 1);
      return;
    }
  }
}

void cut_min_p(Candidates& candidates, double p, size_t min_keep) {
  if (p <= 0) return;
  const double floor = candidates.best().logit + portable_log(p);
  size_t n = 0;
  for (const Candidate& c : candidates.items()) n += c.logit >= floor ? 1 : 0;
  if (n < min_keep) {
    candidates.keep_first(min_keep);
  } else {
    candidates.keep_if([floor](const Candidate& c) { return c.logit >= floor; });
  }
}

void TypicalCut::operator()(Candidates& candidates, double p, size_t min_keep) {
  if (p >= 1) return;
  candidates.softmax();
  const double entropy = entropy_of(candidates);
  scores_.clear();
  // For as many as there may ever be, so that only the first step allocates.
  scores_.reserve(candidates.capacity());
  kept_.reserve(candidates.capacity());
  for (size_t i = 0; i < candidates.size(); ++i) {
    // A probability that underflowed to 0 has infinite surprise: last in line.
    scores_.push_back({std::fabs(-portable_log(candidates[i].p) - entropy), i});
  }
  // Equally typical tokens: the likelier first, then the lower id.
  const auto before = [&candidates](const Score& a, const Score& b) {
    if (a.distance != b.distance) return a.distance < b.distance;
    return ranks_before(candidates[a.i], candidates[b.i]);
  };
  kept_.assign(candidates.size(), 0);
  size_t n_sorted = 0;
  double sum = 0;
  for (size_t i = 0; i < scores_.size(); ++i) {
    if (i == n_sorted) {
      n_sorted = std::min(scores_.size(), std::max<size_t>(256, 2 * n_sorted));
      extend_sorted(scores_, i, n_sorted, before);
    }
    kept_[scores_[i].i] = 1;
    sum += candidates[scores_[i].i].p;
    if (sum > p && i + 1 >= min_keep) break;
  }
  size_t i = 0;
  candidates.keep_if([this, &i](const Candidate&) { return kept_[i++] != 0; });
}

void cut_xtc(Candidates& candidates, double draw, double probability, double threshold,
             size_t min_keep) {
  // Above one half no two tokens can reach the threshold.
  if (!(draw < probability) || threshold > 0.5 || candidates.size() < 2) return;
  candidates.softmax();
  const Candidate* least = nullptr;
  size_t n_above = 0;
  for (const Candidate& c : candidates.items()) {
    if (c.p < threshold) continue;
    ++n_above;
    if (least == nullptr || ranks_before(*least, c)) least = &c;
  }
  if (n_above < 2 || candidates.size() - (n_above - 1) < min_keep) return;
  const Candidate survivor = *least;
  candidates.keep_if([&survivor, threshold](const Candidate& c) {
    return c.p < threshold || c.id == survivor.id;
  });
}

void apply_temperature(Candidates& candidates, double t) {
  if (t == 0) {
    candidates.keep_first(1);
  } else if (t != 1) {
    candidates.rescale(1 / t);
  }
}

void apply_dynamic_temperature(Candidates& candidates, double t, double range, double exponent) {
  if (range <= 0 || candidates.size() < 2) return apply_temperature(candidates, t);
  candidates.softmax();
  const double low = std::max(0.0, t - range);
  const double high = t + range;
  const double share =
      entropy_of(candidates) / portable_log(static_cast<double>(candidates.size()));
  // Rounding can carry the share of an even distribution past 1.
  const double clamped = std::min(1.0, std::max(0.0, share));
  apply_temperature(candidates, low + (high - low) * portable_pow(clamped, exponent));
}

size_t pick(const Candidates& candidates, double draw) {
  double total = 0;
  for (const Candidate& c : candidates.items()) total += c.p;
  const double target = draw * total;
  double sum = 0;
  for (size_t i = 0; i < candidates.size(); ++i) {
    sum += candidates[i].p;
    if (sum > target) return i;
  }
  // draw < 1, so the loop ends before this unless total is 0, which softmax() rules out.
  CHECK(false);
  return 0;
}

}  // namespace hearth::sample
