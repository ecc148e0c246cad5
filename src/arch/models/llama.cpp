// SPDX-License-Identifier: MIT
// Llama 1 to 3 and what shares their shape: Mistral, SmolLM, TinyLlama, Mixtral (with experts).
// Source: Touvron et al. 2023, arXiv:2302.13971; Grattafiori et al. 2024, arXiv:2407.21783;
// Jiang et al. 2024, arXiv:2401.04088.
#include "arch/spec.h"

namespace hearth::arch {

ArchSpec llama() {
  return {.name = "llama",
          .hf_class = "LlamaForCausalLM",
          .attention = Attention{.rope = PairOrder::kInterleaved,
                                 .qkv_bias = Has::kProbe,
                                 .out_bias = Has::kProbe,
                                 .rope_factors = true},
          .ffn = {.act = Act::kSilu, .bias = Has::kProbe},
          .moe = MoeFfn{.act = Act::kSilu, .gating = Gating::kSoftmax, .renorm = true}};
}

}  // namespace hearth::arch
