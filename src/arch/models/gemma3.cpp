// SPDX-License-Identifier: MIT
// Gemma 3 (text): five layers with a sliding window, then a global one; norms before and after each
// branch; per-head norms of queries and keys.
// Source: Gemma Team 2025, arXiv:2503.19786, section 2.
#include "arch/spec.h"

namespace hearth::arch {

ArchSpec gemma3() {
  return {.name = "gemma3",
          .hf_class = "Gemma3ForCausalLM",
          .norms = {.before = true, .branch = true},
          .embed = {.scale_by_sqrt_d = true},
          .attention = Attention{.rope = PairOrder::kHalves,
                                 .qk_norm = QkNorm::kPerHead,
                                 .scale = ScaleRule::kGemma},
          .ffn = {.act = Act::kGeluTanh},
          .window = WindowPattern{.period = 6, .theta = 10000.0f, .scaled = false},
          .soft_caps = SoftCaps{}};
}

}  // namespace hearth::arch
