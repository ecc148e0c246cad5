// SPDX-License-Identifier: MIT
// Nomic Embed: BERT's block with rope, one tensor for query, key and value, and a gated
// feed-forward. Source: Nussbaum et al. 2024, arXiv:2402.01613, section 3.
#include "arch/spec.h"

namespace hearth::arch {

ArchSpec nomic_bert() {
  return {.name = "nomic-bert",
          .hf_class = "NomicBertModel",
          .norm = NormKind::kLayer,
          .norms = {.before = false, .after = true},
          .embed = {.token_types = true, .norm = true},
          .attention = Attention{.rope = PairOrder::kHalves, .fused_qkv = true},
          .ffn = {.act = Act::kSilu},
          .encoder = true};
}

}  // namespace hearth::arch
