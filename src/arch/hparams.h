// SPDX-License-Identifier: MIT
// The numbers of one model, read from its file's metadata by one table (hparams.cpp): dimensions
// under the letters that shapes are written with, and the parameters of its mechanisms. Thread
// rule: plain values, const after read_hparams.
#pragma once
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "file/metadata.h"

namespace hearth::arch {

enum class RopeScaling { kNone, kLinear, kYarn, kLongrope };

struct HParams {
  // Dimensions. Tensor tables write shapes with these letters: "[H*K, D]".
  int L = 0;  // layers
  int D = 0;  // model width
  int H = 0;  // query heads
  int G = 0;  // key/value heads
  int K = 0;  // key (and query) head size
  int W = 0;  // value head size
  int R = 0;  // rotated dimensions of a head
  int F = 0;  // feed-forward width
  int V = 0;  // vocabulary
  int E = 0;  // experts, 0 = none
  int X = 0;  // feed-forward width of one expert
  int Z = 0;  // feed-forward width of the shared experts together, 0 = none
  int Q = 0;  // MLA: rank of the compressed query, 0 = not compressed
  int C = 0;  // MLA: rank of the compressed key and value, 0 = no MLA
  int N = 0;  // MLA: dimensions of a head without position
  int P = 0;  // positions the model was trained for
  int Y = 0;  // token types (BERT), 0 = none

  float norm_eps = 0.0f;

  float rope_theta = 0.0f;
  float rope_theta_window = 0.0f;  // of layers with a sliding window; 0 = not given
  RopeScaling rope_scaling = RopeScaling::kNone;
  float rope_factor = 0.0f;  // how far the context is stretched; 0 = not
  float rope_alpha = 0.0f;   // NTK-aware stretching, already in rope_theta; 0 = none
  int rope_ctx_orig = 0;     // context before stretching; 0 = P
  float rope_attn_factor = 1.0f;
  float yarn_ext_factor = 0.0f;  // negative = not given
  float yarn_beta_fast = 0.0f;
  float yarn_beta_slow = 0.0f;
  float yarn_log_multiplier = 0.0f;

  int window = -1;                  // sliding window, 0 = none, -1 = not given
  int window_period = 0;            // every n-th layer is global; 0 = the architecture's own rule
  std::vector<bool> window_layers;  // per layer, where the file lists them
  float attn_soft_cap = 0.0f;       // 0 = none, negative = not given
  float final_soft_cap = 0.0f;      // likewise
  float attn_scale = 0.0f;          // 0 = the architecture's own rule
  float attn_temperature = 0.0f;    // 0 = none
  int attn_temperature_floor = 0;

  int top_k = 0;          // experts used for a token
  int n_dense_first = 0;  // layers before the first with experts
  int n_shared_experts = 0;
  float expert_scale = 0.0f;  // 0 = 1
  int expert_renorm = -1;     // 0 no, 1 yes, -1 not given
  int expert_gating = 0;  // 0 = the architecture's own; 1 softmax, 2 sigmoid, 3 softmax of chosen
  int n_expert_groups = 0;
  int n_expert_groups_used = 0;

  int n_nextn = 0;             // further layers of the file, not used: they predict later tokens
  std::optional<bool> causal;  // whether a token sees earlier ones only, where the file says
  int pooling = -1;            // -1 not given; 0 none, 1 mean, 2 cls, 3 last, 4 rank
  int n_labels = 0;            // classes of a classification head; 0: not given

  // The dimension with this letter; 0 for a letter that has none.
  int dim(char letter) const;
};

// The metadata key (without the architecture) that gives this dimension; empty where none does.
std::string_view dim_key(char letter);

// Reads and checks the metadata of architecture `arch` (the prefix of its keys). Errors name the
// key, the value and what was expected. Every dimension is between 1 and 2^24 where it is present.
Result<HParams> read_hparams(const file::Metadata& metadata, std::string_view arch);

}  // namespace hearth::arch
