// SPDX-License-Identifier: MIT
// Gemma 2: window and global layers alternate, scores and logits are soft capped, norms before and
// after each branch.
// Source: Gemma Team 2024, arXiv:2408.00118, section 2.
#include "arch/spec.h"

namespace hearth::arch {

ArchSpec gemma2() {
  return {.name = "gemma2",
          .hf_class = "Gemma2ForCausalLM",
          .norms = {.before = true, .branch = true},
          .embed = {.scale_by_sqrt_d = true},
          .attention = Attention{.rope = PairOrder::kHalves, .scale = ScaleRule::kGemma},
          .ffn = {.act = Act::kGeluTanh},
          .window = WindowPattern{.period = 2, .width = 4096},
          .soft_caps = SoftCaps{.scores = 50.0f, .logits = 30.0f}};
}

}  // namespace hearth::arch
