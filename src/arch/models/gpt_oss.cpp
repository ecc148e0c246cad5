// SPDX-License-Identifier: MIT
// gpt-oss: window and global layers alternate, heads have sinks, biases everywhere, experts with a
// clamped SwiGLU and softmax over the chosen ones.
// Source: OpenAI 2025, arXiv:2508.10925, section 2; constants from its published code.
#include "arch/spec.h"

namespace hearth::arch {

ArchSpec gpt_oss() {
  return {.name = "gpt-oss",
          .hf_class = "GptOssForCausalLM",
          .ffn_norm = "post_attention_norm",
          .attention = Attention{.rope = PairOrder::kHalves,
                                 .qkv_bias = Has::kYes,
                                 .out_bias = Has::kYes,
                                 .sinks = true},
          .moe = MoeFfn{.act = Act::kSwigluOai,
                        .gating = Gating::kSoftmaxOfChosen,
                        .bias = true,
                        .alpha = 1.702f,
                        .limit = 7.0f},
          .window = WindowPattern{.period = 2, .width = 128}};
}

}  // namespace hearth::arch
