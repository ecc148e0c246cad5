// SPDX-License-Identifier: MIT
// See candidates.h.
#include "sample/candidates.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/check.h"
#include "sample/portable_math.h"

namespace hearth::sample {
namespace {

// Most runs of so many tokens have none among the best; lanes, so that the compiler makes vectors.
constexpr size_t kRun = 128;
constexpr size_t kLanes = 16;

float highest_of_run(const float* logits) {
  std::array<float, kLanes> lanes;
  lanes.fill(-std::numeric_limits<float>::infinity());
  for (size_t i = 0; i < kRun; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      lanes[lane] = logits[i + lane] > lanes[lane] ? logits[i + lane] : lanes[lane];
    }
  }
  return *std::max_element(lanes.begin(), lanes.end());
}

}  // namespace

void Candidates::take_all(std::span<const float> logits) {
  items_.clear();
  items_.reserve(logits.size());
  for (size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] > -std::numeric_limits<float>::infinity())
      items_.push_back({static_cast<int32_t>(i), logits[i], 0});
  }
  n_sorted_ = 0;
}

void Candidates::take_top(std::span<const float> logits, size_t k) {
  items_.clear();
  n_sorted_ = 0;
  if (k == 0) return;
  // Room for several times k, so that a cut back to k is paid for by as many tokens that came in:
  // linear even when the logits rise all the way. At least 1024 to make the first cuts rare.
  const size_t room = std::min(std::max<size_t>(4 * k, 1024), std::max<size_t>(logits.size(), 1));
  items_.reserve(room);
  float floor = -std::numeric_limits<float>::infinity();
  const auto take = [&](size_t i) {
    // A token equal to the floor has a higher id than the k that are held: it loses.
    if (!(logits[i] > floor)) return;
    items_.push_back({static_cast<int32_t>(i), logits[i], 0});
    if (items_.size() < room || k >= room) return;
    const auto last = items_.begin() + static_cast<std::ptrdiff_t>(k - 1);
    std::nth_element(items_.begin(), last, items_.end(), ranks_before);
    floor = static_cast<float>(last->logit);
    items_.resize(k);
  };
  size_t i = 0;
  for (; i + kRun <= logits.size(); i += kRun) {
    if (!(highest_of_run(&logits[i]) > floor)) continue;
    for (size_t j = i; j < i + kRun; ++j) take(j);
  }
  for (; i < logits.size(); ++i) take(i);
  keep_first(std::min(k, items_.size()));
}

void Candidates::sort_prefix(size_t n) {
  n = std::min(n, items_.size());
  if (n <= n_sorted_) return;
  extend_sorted(items_, n_sorted_, n, ranks_before);
  n_sorted_ = n;
}

void Candidates::softmax() {
  const double highest = best().logit;
  double sum = 0;
  for (Candidate& c : items_) {
    c.p = portable_exp(c.logit - highest);
    sum += c.p;
  }
  for (Candidate& c : items_) c.p /= sum;
}

void Candidates::keep_first(size_t n) {
  sort_prefix(n);
  items_.resize(std::min(n, items_.size()));
  n_sorted_ = items_.size();
}

void Candidates::rescale(double factor) {
  const double highest = best().logit;
  for (Candidate& c : items_) c.logit = c.logit == highest ? 0 : (c.logit - highest) * factor;
}

const Candidate& Candidates::best() const {
  CHECK(!items_.empty());
  if (n_sorted_ > 0) return items_[0];
  return *std::min_element(items_.begin(), items_.end(), ranks_before);
}

}  // namespace hearth::sample
