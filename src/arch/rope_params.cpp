// SPDX-License-Identifier: MIT
// From a file's rope keys to the RopeSpec of a layer.
#include <cmath>

#include "arch/builder.h"

namespace hearth::arch {

graph::RopeSpec rope_spec(const Builder& b, PairOrder order) {
  const HParams& hp = b.hp;
  const bool window = b.is_window_layer();
  graph::RopeSpec rope{.order = order, .n_rot = hp.R, .theta = hp.rope_theta};
  if (window) {
    if (b.spec.window->theta > 0) rope.theta = b.spec.window->theta;
    if (hp.rope_theta_window > 0) rope.theta = hp.rope_theta_window;
    if (!b.spec.window->scaled) return rope;
  }
  rope.n_ctx_orig = hp.rope_ctx_orig > 0 ? hp.rope_ctx_orig : hp.P;
  rope.beta_fast = hp.yarn_beta_fast;
  rope.beta_slow = hp.yarn_beta_slow;
  if (hp.rope_attn_factor > 0) rope.attn_factor = hp.rope_attn_factor;
  if ((hp.rope_scaling == "linear" || hp.rope_scaling == "yarn") && hp.rope_factor > 0) {
    rope.freq_scale = 1.0f / hp.rope_factor;
  }
  if (hp.rope_scaling == "yarn") {
    rope.ext_factor = hp.yarn_ext_factor >= 0 ? hp.yarn_ext_factor : 1.0f;
  }
  return rope;
}

WeightId rope_factors(const Builder& b) {
  if (const WeightId id = b.global_if("rope_freqs.weight"); id != kNone) return id;
  const int n_ctx_orig = b.hp.rope_ctx_orig > 0 ? b.hp.rope_ctx_orig : b.hp.P;
  return b.global_if(b.n_ctx > n_ctx_orig ? "rope_factors_long.weight"
                                          : "rope_factors_short.weight");
}

}  // namespace hearth::arch
