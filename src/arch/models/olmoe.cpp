// SPDX-License-Identifier: MIT
// OLMoE: queries and keys are normalised over the whole width; softmax over all experts, the chosen
// weights as they are.
// Source: Muennighoff et al. 2024, arXiv:2409.02060, section 2.
#include "arch/spec.h"

namespace hearth::arch {

ArchSpec olmoe() {
  return {.name = "olmoe",
          .hf_class = "OlmoeForCausalLM",
          .attention = Attention{.rope = PairOrder::kHalves, .qk_norm = QkNorm::kWhole},
          .moe = MoeFfn{.act = Act::kSilu, .gating = Gating::kSoftmax, .renorm = false}};
}

}  // namespace hearth::arch
