// SPDX-License-Identifier: MIT
// Phi-3, Phi-3.5 and Phi-4: query, key and value in one tensor, gate and up in another; longrope.
// The sliding window that some files name is not applied, as in the reference implementation: the
// files were converted without the layers' pattern.
// Source: Abdin et al. 2024, arXiv:2404.14219, section 2.
#include "arch/spec.h"

namespace hearth::arch {

ArchSpec phi3() {
  return {
      .name = "phi3",
      .hf_class = "Phi3ForCausalLM",
      .attention = Attention{.rope = PairOrder::kHalves, .fused_qkv = true, .rope_factors = true},
      .ffn = {.act = Act::kSilu, .fused_gate_up = true}};
}

}  // namespace hearth::arch
