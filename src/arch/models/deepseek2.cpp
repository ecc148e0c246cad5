// SPDX-License-Identifier: MIT
// DeepSeek-V2, V2-Lite, V3 and R1 (and Kimi K2): multi-head latent attention, dense first layers,
// then shared and routed experts. The gating, groups and renormalisation are the file's.
// Source: DeepSeek-AI 2024, arXiv:2405.04434 and arXiv:2412.19437, section 2.1 of both.
#include "arch/spec.h"

namespace hearth::arch {

ArchSpec deepseek2() {
  return {.name = "deepseek2",
          .hf_class = "DeepseekV3ForCausalLM",
          .attention = Mla{.temperature = true},
          .moe = MoeFfn{.act = Act::kSilu,
                        .gating = Gating::kSoftmax,
                        .renorm = false,
                        .select_bias = Has::kProbe}};
}

}  // namespace hearth::arch
