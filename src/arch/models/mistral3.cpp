// SPDX-License-Identifier: MIT
// Mistral Small 3 and Ministral 3: Llama's block with YaRN and queries that are scaled by position.
// Source: Mistral AI's published configuration and code of Ministral 3.
#include "arch/spec.h"

namespace hearth::arch {

ArchSpec mistral3() {
  return {.name = "mistral3",
          .hf_class = "Ministral3ForCausalLM",
          .attention = Attention{.rope = PairOrder::kInterleaved,
                                 .qkv_bias = Has::kProbe,
                                 .out_bias = Has::kProbe,
                                 .temperature = true,
                                 .rope_factors = true},
          .ffn = {.act = Act::kSilu, .bias = Has::kProbe},
          .moe = MoeFfn{.act = Act::kSilu, .gating = Gating::kSoftmax, .renorm = true}};
}

}  // namespace hearth::arch
