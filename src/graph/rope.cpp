// SPDX-License-Identifier: MIT
#include "graph/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/check.h"

namespace hearth::graph {
namespace {

// The pair index, as a real number times two, of the pair that turns `turns` times over the
// original context: solves n_ctx_orig * theta^(-d / n_rot) = 2 pi turns for d / 2.
double pair_with_turns(const RopeSpec& spec, double turns) {
  const double wavelength = spec.n_ctx_orig / (turns * 2 * std::numbers::pi);
  return spec.n_rot * std::log(wavelength) / (2 * std::log(static_cast<double>(spec.theta)));
}

// 1 for pairs that stay as trained, 0 for pairs that are interpolated.
double yarn_ramp(const RopeSpec& spec, int pair) {
  const double low = std::max(0.0, std::floor(pair_with_turns(spec, spec.beta_fast)));
  const double high = std::min(spec.n_rot - 1.0, std::ceil(pair_with_turns(spec, spec.beta_slow)));
  const double along = (pair - low) / std::max(0.001, high - low);
  return 1.0 - std::clamp(along, 0.0, 1.0);
}

}  // namespace

void RopeTable::angles(int position, std::span<float> cos, std::span<float> sin) const {
  CHECK(cos.size() == frequency.size() && sin.size() == frequency.size());
  for (size_t i = 0; i < frequency.size(); ++i) {
    const double angle = position * frequency[i];
    cos[i] = static_cast<float>(magnitude * std::cos(angle));
    sin[i] = static_cast<float>(magnitude * std::sin(angle));
  }
}

RopeTable rope_table(const RopeSpec& spec, std::span<const float> factors) {
  CHECK(spec.n_rot > 0 && spec.n_rot % 2 == 0);
  const int n_pairs = spec.n_rot / 2;
  CHECK(factors.empty() || factors.size() == static_cast<size_t>(n_pairs));
  // A ramp needs the original context and a base whose powers fall.
  CHECK(spec.ext_factor == 0.0f || (spec.n_ctx_orig > 0 && spec.theta > 1.0f));

  RopeTable table;
  for (int i = 0; i < n_pairs; ++i) {
    const double factor = factors.empty() ? 1.0 : factors[static_cast<size_t>(i)];
    const double trained =
        std::pow(static_cast<double>(spec.theta), -2.0 * i / spec.n_rot) / factor;
    const double kept = spec.ext_factor == 0.0f ? 0.0 : spec.ext_factor * yarn_ramp(spec, i);
    table.frequency.push_back(trained * (spec.freq_scale * (1 - kept) + kept));
  }
  table.magnitude = spec.attn_factor;
  return table;
}

float yarn_magnitude(float factor, float multiplier) {
  return factor <= 1.0f ? 1.0f : 1.0f + 0.1f * multiplier * std::log(factor);
}

float ntk_theta(float theta, float factor, int n_rot) {
  CHECK(n_rot > 2);
  return static_cast<float>(theta * std::pow(static_cast<double>(factor), n_rot / (n_rot - 2.0)));
}

}  // namespace hearth::graph
