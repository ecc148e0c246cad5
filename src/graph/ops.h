// SPDX-License-Identifier: MIT
// The operations of a model's graph. A value is a float matrix [rows, width]: one row for each
// token of the batch (T) or for each row whose output is wanted (O). Widths are fixed when the
// graph is built, rows at each step, so a graph is built once per model and serves every batch. An
// op names its inputs (ValueId), its weights (WeightId) and its attributes; what it computes is
// defined by backend/ref and the comment here.
#pragma once
#include <cstdint>
#include <variant>
#include <vector>

namespace hearth::graph {

// Index into Graph::values or Graph::weights; kNone where an optional one is absent.
using ValueId = int;
using WeightId = int;
inline constexpr int kNone = -1;

enum class NormKind { kRms, kLayer };
enum class Act { kSilu, kGeluTanh, kGeluErf, kRelu, kSwigluOai };

// Which dimensions of a head are rotated together: halves (i, i + R/2) or neighbours (2i, 2i + 1).
enum class PairOrder { kHalves, kInterleaved };

// Rotary position embedding (Su et al. 2021, arXiv:2104.09864) with its context extensions; the
// angle arithmetic is in graph/rope.h.
struct RopeSpec {
  PairOrder order = PairOrder::kHalves;
  int n_rot = 0;             // R: rotated dimensions of a head, even
  float theta = 10000.0f;    // base of the frequencies
  float freq_scale = 1.0f;   // linear interpolation: 1 / factor
  float ext_factor = 0.0f;   // YaRN (Peng et al. 2023, arXiv:2309.00071): 0 = off, 1 = full ramp
  float attn_factor = 1.0f;  // multiplies cos and sin; whole: arch/rope_params.cpp has put YaRN's
                             // mscale and the file's factor into it, nothing is added later
  float beta_fast = 32.0f;
  float beta_slow = 1.0f;
  int n_ctx_orig = 0;  // context length of the original training
};

// Row table[token] * scale of the token embedding.  -> [T, D]
struct Embed {
  WeightId table;
  float scale = 1.0f;
};
// Row table[position].  -> [T, D]
struct EmbedPosition {
  WeightId table;
};
// Row table[segment]: which part of the text the token belongs to (BERT).  -> [T, D]
struct EmbedSegment {
  WeightId table;
};
// Normalises each run of `segment` values by itself (a head; the whole row where segment = width);
// all runs share weight and bias [segment].  -> [rows, width]
struct Norm {
  ValueId x;
  WeightId weight, bias = kNone;
  NormKind kind;
  float eps;
  int segment;
};
// x W^T + bias, W [n, width(x)], bias [n].  -> [rows, n]
struct MatMul {
  ValueId x;
  WeightId weight, bias = kNone;
};
// A product for each head h with its own rows of W [H * head_rows, cols]: head h of x times the
// matrix M_h = rows [h * head_rows + row_begin, + n_rows) of W.
//   plain:      x_h has cols values,   out_h = M_h x_h    (n_rows values per head)
//   transposed: x_h has n_rows values, out_h = M_h^T x_h  (cols values per head)
struct MatMulHeads {
  ValueId x;
  WeightId weight;
  int n_heads, head_rows, row_begin, n_rows;
  bool transposed = false;
};
// Rotates dimensions [offset, offset + n_rot) of each head. `factors` [n_rot / 2] divides each
// pair's frequency (llama3, longrope) where present.  -> [rows, width]
struct Rope {
  ValueId x;
  int n_heads, head_size, offset;
  RopeSpec spec;
  WeightId factors = kNone;
};
// x * (1 + temperature * log(1 + floor(position / floor_scale))): attention temperature for long
// contexts (Ministral 3).  -> [rows, width]
struct ScaleByPosition {
  ValueId x;
  float temperature;
  int floor_scale;
};
// Attention of each token over its sequence's cached positions up to its own. k and v of the batch
// are written to cache layer `i_cache` first. Query head h reads kv head h / (H / G). score =
// soft_cap(scale * q.k); weights = softmax(scores and, where present, the head's sink as one more
// logit that has no value).  -> [T, H * v_size]
struct Attention {
  ValueId q, k, v;  // [T, H*k_size], [T, G*k_size], [T, G*v_size]
  int i_cache;      // kNone: no cache, all of the batch's own rows of the sequence (encoders)
  int n_heads, n_kv_heads, k_size, v_size;
  float scale;
  int window = 0;             // 0 = all; else positions p - window < s <= p are seen
  float soft_cap = 0.0f;      // 0 = none
  WeightId sinks = kNone;     // [H]
  bool value_in_key = false;  // v is the first v_size values of k (MLA); then v = kNone
};
struct Add {
  ValueId a, b;
};
struct Scale {
  ValueId x;
  float factor;
};
// cap * tanh(x / cap).
struct SoftCap {
  ValueId x;
  float cap;
};
// act(gate) * up; up may be kNone. kSwigluOai needs up and uses alpha and limit (gpt-oss):
// g = min(gate, limit), u = clamp(up, -limit, limit), (u + 1) * g * sigmoid(alpha * g).
struct Activate {
  ValueId gate, up = kNone;
  Act act;
  float alpha = 0.0f, limit = 0.0f;
};
// Columns [begin, begin + width) of x: a view.
struct Slice {
  ValueId x;
  int begin, width;
};
// Of every head of x, the columns [begin, begin + width).  -> [rows, H * width]
struct SliceHeads {
  ValueId x;
  int n_heads, begin, width;
};
// Joins the columns head by head: a's head h, then b's head h; b_shared: b has one head that every
// head of a gets.  -> [rows, H * (a_size + b_size)]
struct ConcatHeads {
  ValueId a, b;
  int n_heads, a_size, b_size;
  bool b_shared = false;
};
// The rows that the batch wants outputs of: [T, n] -> [O, n].
struct GatherOutputs {
  ValueId x;
};

enum class Gating { kSoftmax, kSigmoid, kSoftmaxOfChosen };
// Chooses `top_k` of E experts from logits [T, E]. Result row: top_k expert ids as int32 bit
// patterns, then top_k float weights; best first, ties to the lower id.  -> [T, 2 * top_k]
// kSoftmax, kSigmoid: probabilities over all E; kSoftmaxOfChosen: softmax over the chosen logits
// only. select_bias [E] is added to the probabilities for choosing only (DeepSeek-V3,
// arXiv:2412.19437). With n_groups > 1 experts come from the best top_groups groups only; a group
// counts as the sum of the best `best_of_group` of its experts (bias included).
struct Route {
  ValueId logits;
  WeightId select_bias = kNone;
  int n_experts, top_k;
  Gating gating = Gating::kSoftmax;
  bool renorm = false;  // the chosen weights are divided by their sum
  float scale = 1.0f;   // then multiplied by this
  int n_groups = 1, top_groups = 1, best_of_group = 2;
};
// sum over the chosen experts e of weight_e * (down_e act(gate_e x, up_e x)), each product with its
// expert's bias where present. gate, up [E, X, D], down [E, D, X].  -> [T, D]
struct Experts {
  ValueId x, route;
  WeightId gate, up, down;
  WeightId gate_bias = kNone, up_bias = kNone, down_bias = kNone;  // [E, X], [E, X], [E, D]
  int top_k;
  Act act;
  float alpha = 0.0f, limit = 0.0f;
};

using Op = std::variant<Embed, EmbedPosition, EmbedSegment, Norm, MatMul, MatMulHeads, Rope,
                        ScaleByPosition, Attention, Add, Scale, SoftCap, Activate, Slice,
                        SliceHeads, ConcatHeads, GatherOutputs, Route, Experts>;

}  // namespace hearth::graph
