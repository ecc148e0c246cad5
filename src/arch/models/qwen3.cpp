// SPDX-License-Identifier: MIT
// Qwen3 (dense): no biases, per-head norms of queries and keys, a head size of its own.
// Source: Qwen Team 2025, arXiv:2505.09388, section 2.
#include "arch/spec.h"

namespace hearth::arch {

ArchSpec qwen3() {
  return {.name = "qwen3",
          .hf_class = "Qwen3ForCausalLM",
          .attention = Attention{.rope = PairOrder::kHalves, .qk_norm = QkNorm::kPerHead}};
}

}  // namespace hearth::arch
