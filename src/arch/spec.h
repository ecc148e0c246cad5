// SPDX-License-Identifier: MIT
// An architecture is a value: which mechanisms a model is made of, nothing else. A file in models/
// returns one ArchSpec; the blocks (blocks/*.h) turn it, with the numbers of a model (HParams),
// into a tensor table and a graph. No enum of architectures, no switch on a name.
#pragma once
#include <optional>
#include <string_view>
#include <variant>

#include "graph/ops.h"

namespace hearth::arch {

using graph::Act;
using graph::Gating;
using graph::NormKind;
using graph::PairOrder;

enum class Has { kNo, kYes, kProbe };  // kProbe: the file decides (a tensor that may be there)

enum class QkNorm { kNone, kPerHead, kWhole };

enum class ScaleRule {
  kHeadSize,  // 1 / sqrt(K)
  kGemma,     // 1 / sqrt(K), except the models with K = 128: 1 / sqrt(D / H)
};

// Softmax attention over grouped heads. Tensor table: blocks/attention.cpp.
struct Attention {
  PairOrder rope = PairOrder::kHalves;
  bool has_rope = true;
  Has qkv_bias = Has::kNo;
  Has out_bias = Has::kNo;
  QkNorm qk_norm = QkNorm::kNone;
  bool fused_qkv = false;  // one tensor attn_qkv instead of three
  bool sinks = false;      // a logit per head that takes weight and gives no value (gpt-oss)
  ScaleRule scale = ScaleRule::kHeadSize;
  bool temperature = false;   // queries scaled by position, where the file says how (mistral3)
  bool rope_factors = false;  // per-pair frequency factors may stand in the file (llama3, longrope)
};

// Multi-head latent attention: keys and values compressed to one vector of C + R numbers per token.
// Source: DeepSeek-V2, arXiv:2405.04434, section 2.1. Tensor table: blocks/mla.cpp.
struct Mla {
  PairOrder rope = PairOrder::kInterleaved;
  bool temperature = false;  // as in Attention
};

struct DenseFfn {
  Act act = Act::kSilu;
  bool gated = true;
  bool fused_gate_up = false;  // ffn_up holds the gate's rows, then up's (phi3)
  Has bias = Has::kNo;
};

// Mixture of experts. Tensor table: blocks/moe.cpp. Used in layers >= n_dense_first of models with
// E > 0.
struct MoeFfn {
  Act act = Act::kSilu;
  Gating gating = Gating::kSoftmax;  // where the file does not say
  bool renorm = false;               // where the file does not say
  bool bias = false;                 // router and experts have biases (gpt-oss)
  Has select_bias = Has::kNo;        // exp_probs_b
  int best_of_group = 2;             // how many experts of a group make its score
  float alpha = 0.0f, limit = 0.0f;  // of swiglu_oai
};

struct EmbedSpec {
  bool scale_by_sqrt_d = false;  // Gemma
  bool learned_positions = false;
  bool token_types = false;  // BERT: the row of token_types for the token's segment is added
  bool norm = false;         // token_embd_norm after the sum
};

// Where a block normalises: x = after(x + branch(f(before(x)))).
struct NormPlacement {
  bool before = true;
  bool branch = false;  // Gemma 2 and 3: also what the block adds
  bool after = false;   // BERT: the sum
};

// What turns an encoder's hidden states into a score (blocks/rank.h).
enum class RankHead {
  kNone,
  kUnused,         // the file has one and asks for vectors
  kWithoutPooler,  // the file has lost the first of the head's two products
  kWhole,
};
constexpr bool gives_scores(RankHead head) { return head > RankHead::kUnused; }

// Which layers see a sliding window only: all but the last one of each `period` layers.
struct WindowPattern {
  int period = 0;      // where the file gives none; 0: all layers have a window
  int width = 0;       // where the file gives none; 0: no layer has a window
  float theta = 0.0f;  // rope base of window layers where the file gives none; 0: as the others
  bool scaled = true;  // whether rope scaling also applies to window layers
};

// x becomes cap * tanh(x / cap); the caps where the file gives none, 0 = none.
struct SoftCaps {
  float scores = 0.0f;
  float logits = 0.0f;
};

struct ArchSpec {
  std::string_view name;      // general.architecture of the file
  std::string_view hf_class;  // of config.json
  NormKind norm = NormKind::kRms;
  NormPlacement norms;
  std::string_view ffn_norm = "ffn_norm";  // the tensor that normalises before the feed-forward
  EmbedSpec embed;
  std::variant<Attention, Mla> attention;
  DenseFfn ffn;
  std::optional<MoeFfn> moe;
  std::optional<WindowPattern> window;
  std::optional<SoftCaps> soft_caps;
  bool encoder = false;  // not causal, no cache: the result is hidden states, or a score
  bool ranks = false;    // encoders: a file may have the head of a cross-encoder
};

}  // namespace hearth::arch
