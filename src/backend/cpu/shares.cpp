// SPDX-License-Identifier: MIT
#include "backend/cpu/shares.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/check.h"

namespace hearth::cpu {
namespace {

// How much of a deviation is made up for at once, and how much at most: after a run of kLongNs,
// which a moment's disturbance changes little, and after a short one.
constexpr double kGain = 0.25;
constexpr double kMostLong = 1.0 / 16;
constexpr double kMostShort = 1.0 / 64;
constexpr double kLongNs = 100e6;
// No thread falls below this part of an equal share.
constexpr double kLeast = 0.125;

}  // namespace

Shares::Shares(int n_threads, std::span<const double> speeds)
    : weights_(static_cast<size_t>(n_threads), 1.0), ends_(weights_.size() + 1) {
  CHECK(n_threads >= 1 && (speeds.empty() || speeds.size() == weights_.size()));
  if (!speeds.empty()) weights_.assign(speeds.begin(), speeds.end());
  for (const double weight : weights_) CHECK(weight > 0);
  set_ends();
}

Slice Shares::part(int64_t total, int thread, int64_t multiple) const {
  const int64_t units = (total + multiple - 1) / multiple;
  const auto boundary = [&](int i) {
    const int64_t unit = (units * ends_[static_cast<size_t>(i)] + kWhole / 2) / kWhole;
    return std::min(unit * multiple, total);
  };
  return {boundary(thread), boundary(thread + 1)};
}

bool Shares::has(int64_t at, int64_t total, int thread) const {
  // Not at * kWhole: costs of attention at long depths are large.
  const auto place = static_cast<int64_t>(static_cast<double>(at) / static_cast<double>(total) *
                                          static_cast<double>(kWhole));
  const auto i = static_cast<size_t>(thread);
  return place >= ends_[i] && place < ends_[i + 1];
}

void Shares::learn(int64_t run_ns, std::span<const int64_t> waited_ns) {
  CHECK(waited_ns.size() == weights_.size());
  const auto busy = [&](size_t i) {
    return static_cast<double>(std::max<int64_t>(run_ns - waited_ns[i], 1));
  };
  const double most =
      std::clamp(static_cast<double>(run_ns) / kLongNs * kMostLong, kMostShort, kMostLong);
  double mean = 0;
  for (size_t i = 0; i < weights_.size(); ++i) mean += busy(i) / static_cast<double>(n_threads());
  for (size_t i = 0; i < weights_.size(); ++i) {
    weights_[i] *= 1.0 - std::clamp(kGain * (busy(i) / mean - 1.0), -most, most);
  }
  set_ends();
}

void Shares::set_ends() {
  const auto scale_to_one = [this] {
    const double sum = std::accumulate(weights_.begin(), weights_.end(), 0.0);
    for (double& weight : weights_) weight /= sum;
  };
  scale_to_one();
  for (double& weight : weights_) weight = std::max(weight, kLeast / n_threads());
  scale_to_one();
  double end = 0;
  for (size_t i = 0; i < weights_.size(); ++i) {
    end += weights_[i];
    ends_[i + 1] = std::llround(end * static_cast<double>(kWhole));
  }
  ends_.back() = kWhole;
}

}  // namespace hearth::cpu
