// SPDX-License-Identifier: MIT
// From a file's rope keys to the RopeSpec of a layer. Sources: position interpolation, Chen et al.
// 2023, arXiv:2306.15595; YaRN, Peng et al. 2023, arXiv:2309.00071; longrope, Ding et al. 2024,
// arXiv:2402.13753.
#include "arch/builder.h"
#include "graph/rope.h"

namespace hearth::arch {
namespace {

bool has_yarn(const HParams& hp) {
  return hp.rope_scaling == RopeScaling::kYarn && hp.yarn_ext_factor != 0;
}

}  // namespace

float yarn_magnitude(const Builder& b) {
  const HParams& hp = b.hp;
  if (!has_yarn(hp)) return hp.rope_attn_factor;
  const float factor = hp.rope_factor > 0 ? hp.rope_factor : 1.0f;
  float magnitude = graph::yarn_magnitude(factor);
  if (hp.yarn_log_multiplier != 0) {
    // A log multiplier moves the temperature from the rope to the scores (mla.cpp), or says that
    // the model has none.
    const bool mla = std::holds_alternative<Mla>(b.spec.attention);
    magnitude = mla ? 1.0f : magnitude / graph::yarn_magnitude(factor, hp.yarn_log_multiplier);
  }
  return magnitude * hp.rope_attn_factor;
}

graph::RopeSpec rope_spec(const Builder& b, PairOrder order) {
  const HParams& hp = b.hp;
  graph::RopeSpec rope{.order = order, .n_rot = hp.R, .theta = hp.rope_theta};
  if (b.window() > 0) {
    if (b.spec.window->theta > 0) rope.theta = b.spec.window->theta;
    if (hp.rope_theta_window > 0) rope.theta = hp.rope_theta_window;
    if (!b.spec.window->scaled) return rope;
  }
  rope.n_ctx_orig = hp.rope_ctx_orig > 0 ? hp.rope_ctx_orig : hp.P;
  rope.beta_fast = hp.yarn_beta_fast;
  rope.beta_slow = hp.yarn_beta_slow;
  rope.attn_factor = yarn_magnitude(b);
  if (hp.rope_factor > 0) rope.freq_scale = 1.0f / hp.rope_factor;
  if (has_yarn(hp)) rope.ext_factor = hp.yarn_ext_factor > 0 ? hp.yarn_ext_factor : 1.0f;
  return rope;
}

WeightId rope_factors(const Builder& b) {
  if (const WeightId id = b.global_if("rope_freqs.weight"); id != kNone) return id;
  const int n_ctx_orig = b.hp.rope_ctx_orig > 0 ? b.hp.rope_ctx_orig : b.hp.P;
  return b.global_if(b.n_ctx > n_ctx_orig ? "rope_factors_long.weight"
                                          : "rope_factors_short.weight");
}

}  // namespace hearth::arch
