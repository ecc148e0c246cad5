// SPDX-License-Identifier: MIT
// BERT and its kin (MiniLM, BGE, E5, RoBERTa), also as cross-encoders: learned positions, norms
// after each branch, no mask. GELU is the tanh form that the reference implementation uses for
// these files.
// Source: Devlin et al. 2018, arXiv:1810.04805.
#include "arch/spec.h"

namespace hearth::arch {

ArchSpec bert() {
  return {
      .name = "bert",
      .hf_class = "BertModel",
      .norm = NormKind::kLayer,
      .norms = {.before = false, .after = true},
      .embed = {.learned_positions = true, .token_types = true, .norm = true},
      .attention = Attention{.has_rope = false, .qkv_bias = Has::kProbe, .out_bias = Has::kProbe},
      .ffn = {.act = Act::kGeluTanh, .gated = false, .bias = Has::kProbe},
      .encoder = true,
      .ranks = true};
}

}  // namespace hearth::arch
