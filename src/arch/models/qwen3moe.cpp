// SPDX-License-Identifier: MIT
// Qwen3 with experts in every layer: softmax over all of them, the chosen weights renormalised.
// Source: Qwen Team 2025, arXiv:2505.09388, section 2.
#include "arch/spec.h"

namespace hearth::arch {

ArchSpec qwen3moe() {
  return {.name = "qwen3moe",
          .hf_class = "Qwen3MoeForCausalLM",
          .attention = Attention{.rope = PairOrder::kHalves, .qk_norm = QkNorm::kPerHead},
          .moe = MoeFfn{.act = Act::kSilu, .gating = Gating::kSoftmax, .renorm = true}};
}

}  // namespace hearth::arch
