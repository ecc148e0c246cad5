// SPDX-License-Identifier: MIT
// Qwen2 and Qwen2.5: Llama's block with biases on query, key and value.
// Source: Yang et al. 2024, arXiv:2407.10671, section 2.
#include "arch/spec.h"

namespace hearth::arch {

ArchSpec qwen2() {
  return {.name = "qwen2",
          .hf_class = "Qwen2ForCausalLM",
          .attention = Attention{.rope = PairOrder::kHalves, .qkv_bias = Has::kYes}};
}

}  // namespace hearth::arch
