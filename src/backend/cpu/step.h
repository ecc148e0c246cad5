// SPDX-License-Identifier: MIT
// A compiled step of the CPU backend: a job that all threads of the pool do together, each its
// share. Steps of one phase run without a barrier between them; schedule.cpp decides phases and
// shares.
#pragma once
#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "backend/cpu/kernel_table.h"
#include "backend/cpu/kv_store.h"
#include "backend/cpu/pieces.h"
#include "backend/cpu/shares.h"
#include "base/thread_pool.h"
#include "graph/graph.h"
#include "graph/rope.h"

namespace hearth::cpu {

// What one run of a program works on, as one thread sees it. Const for the steps; the memory behind
// it is theirs.
struct Frame {
  const backend::Batch* batch = nullptr;
  CpuKvStore* kv = nullptr;
  uint8_t* arena = nullptr;     // shared by all threads
  uint8_t* own = nullptr;       // this thread's alone
  uint8_t* partials = nullptr;  // attention over chunks of positions, see attention_chunks.h
  uint8_t* scratch = nullptr;   // this thread's, for the length of one step
  int n_tokens = 0;
  int n_prompt = 0;  // of the tokens, those at the front whose products take bytes
  int n_outputs = 0;
  const Shares* shares = nullptr;
  Pieces* pieces = nullptr;  // shared by all threads
  bool replicated = false;   // steps by row: every thread does all rows, in its own memory
};

// Rows of a buffer.
struct Place {
  int64_t offset = -1;    // bytes to row 0; negative: there is no such buffer
  int64_t row_bytes = 0;  // from row to row
  int width = 0;          // values in a row
  graph::Rows rows = graph::Rows::kTokens;
  int times = 1;     // rows for each token (or output): the experts chosen for it
  bool own = false;  // each thread has a copy

  bool exists() const { return offset >= 0; }
};

inline uint8_t* row_bytes_of(const Frame& frame, const Place& place, int64_t i) {
  return (place.own ? frame.own : frame.arena) + place.offset + i * place.row_bytes;
}
inline float* row_of(const Frame& frame, const Place& place, int64_t i) {
  return reinterpret_cast<float*>(row_bytes_of(frame, place, i));
}
inline int n_rows_of(const Frame& frame, const Place& place) {
  return place.times * (place.rows == graph::Rows::kTokens ? frame.n_tokens : frame.n_outputs);
}
// The rows that a thread works on in steps by row.
inline Slice row_share(const Frame& frame, const Place& place, int thread) {
  const int n = n_rows_of(frame, place);
  return frame.replicated ? Slice{0, n} : frame.shares->part(n, thread);
}
// The columns of a row of `width` values that a thread works on in products: kernels work on whole
// groups of rows of the weights, and two threads never write one cache line of a row.
constexpr int64_t kColumnMultiple = 16;
inline Slice column_share(const Frame& frame, int width, int thread) {
  return frame.shares->part(width, thread, kColumnMultiple);
}
// Calls f(columns) for pieces of a row of `width` values of a product, a thread's own share first.
// row_bytes: of the weights that are read for a column; n_rows: of the result.
template <class F>
void for_columns(const Frame& frame, int width, int64_t row_bytes, int n_rows, int thread, F&& f) {
  // Some 15 us of reading, behind which the work on up to about 4 rows hides.
  constexpr int64_t kLeastBytes = 256 * 1024;
  const int64_t bytes = std::max<int64_t>(row_bytes, 1) * std::max(n_rows / 4, 1);
  const int64_t least = std::max(kLeastBytes / bytes, kPieceMultiple);
  frame.pieces->work(*frame.shares, width, kColumnMultiple, least, thread, f);
}

// How a step that works value by value is divided: by row, or as the product before it was.
enum class Share : uint8_t { kRows, kColumns };

// Calls f(row, first column, columns) for a thread's share of the values of `place`.
template <class F>
void for_values(const Frame& frame, const Place& place, int thread, Share share, F&& f) {
  const bool by_row = share == Share::kRows;
  const Slice rows = by_row ? row_share(frame, place, thread) : Slice{0, n_rows_of(frame, place)};
  const Slice columns = by_row ? Slice{0, place.width} : column_share(frame, place.width, thread);
  if (columns.empty()) return;
  if (!by_row) frame.pieces->wait_for_own(thread);
  for (int64_t i = rows.begin; i < rows.end; ++i) {
    f(i, columns.begin, static_cast<int>(columns.size()));
  }
}

// From block to block of the ByteBlocks of n_prompt rows.
inline int64_t byte_block_stride(int n_prompt) { return n_prompt * int64_t{sizeof(ByteBlock)}; }

using StepFn = std::function<void(const Frame&, int thread)>;

// What a step computes of the graph, for the profile: a node, or of an Experts node the products of
// one weight.
struct Work {
  int i_node = 0;
  graph::WeightId weight = graph::kNone;  // kNone: the whole node
};

struct Step {
  std::string name;
  int phase = 0;
  StepFn run;
  std::vector<Work> works;
};

// --- Factories, one per kind of step. Weights are borrowed from the graph. ---

// steps_rows.cpp: split by row.
StepFn embed_step(const KernelTable& k, const graph::WeightRef& table, float scale, Place out);
// The row of the table that `of` names for each token: the batch's positions or its segments.
StepFn embed_row_step(const KernelTable& k, const graph::WeightRef& table,
                      std::span<const int32_t> backend::Batch::*of, Place out);
StepFn norm_step(const KernelTable& k, const graph::Norm& op, const float* weight,
                 const float* bias, Place x, Place out);
// Which form rows are prepared in: ActBlocks, or ByteBlocks for those of prompts. A prepared buffer
// of both has the ByteBlocks of the n_prompt first rows at its start, those of one column range
// side by side; the ActBlocks of the other rows lie in their own places after them.
enum class Form { kExact, kByRole };
StepFn prepare_step(const KernelTable& k, Form form, Place x, Place prepared);
StepFn angles_step(graph::RopeTable table, Place out);
StepFn rope_step(const KernelTable& k, const graph::Rope& op, Place x, Place angles, Place out);
StepFn scale_by_position_step(const KernelTable& k, const graph::ScaleByPosition& op, Place x,
                              Place out);
StepFn add_step(const KernelTable& k, Place a, Place b, Place out, Share share);
StepFn scale_step(const KernelTable& k, float factor, Place x, Place out, Share share);
StepFn soft_cap_step(const KernelTable& k, float cap, Place x, Place out, Share share);
StepFn activate_step(const KernelTable& k, const graph::Activate& op, Place gate, Place up,
                     Place out, Share share);
StepFn slice_heads_step(const graph::SliceHeads& op, Place x, Place out);
StepFn concat_heads_step(const graph::ConcatHeads& op, Place a, Place b, Place out);
StepFn gather_outputs_step(Place x, Place out);

// steps_matmul.cpp: split by weight row or by head.
StepFn matmul_step(const KernelTable& k, Form form, const graph::WeightRef& weight,
                   const float* bias, Place in, Place out);
// Prepares each head of x by itself.
StepFn prepare_heads_step(const KernelTable& k, int n_heads, Place x, Place prepared);
StepFn matmul_heads_step(const KernelTable& k, const graph::MatMulHeads& op,
                         const graph::WeightRef& weight, Place x, Place prepared, Place out);

// steps_attention.cpp.
struct AttentionPlaces {
  Place q, keys, values, out;  // [T, H * K], [T, G * K], [T, G * V], [T, H * V]
};
StepFn write_kv_step(const KernelTable& k, const graph::Attention& op, Place keys, Place values);
// The whole of it, divided by tokens and heads.
StepFn attention_step(const KernelTable& k, const graph::Attention& op, const float* sinks,
                      const AttentionPlaces& places);
// In two steps: partial results, divided by chunks of positions too, and their merging by row.
StepFn attention_chunks_step(const KernelTable& k, const graph::Attention& op,
                             const AttentionPlaces& places);
StepFn attention_merge_step(const KernelTable& k, const graph::Attention& op, const float* sinks,
                            Place out);
// Bytes of private memory that they need per thread.
int64_t attention_scratch_bytes(const graph::Attention& op);
// Bytes of partial results for each token and chunk.
int64_t attention_partial_bytes(const graph::Attention& op);

// steps_experts.cpp. Pairs are the top_k rows of each token; groups is one row, which says which
// pairs each expert has; gathered is x (floats or prepared) in the order of groups.
StepFn route_step(const graph::Route& op, const float* select_bias, Place logits, Place out);
StepFn group_experts_step(int n_experts, int top_k, Place route, Place groups);
StepFn gather_experts_step(int n_experts, int top_k, Place x, Place groups, Place gathered);
StepFn expert_product_step(const KernelTable& k, const graph::WeightRef& weight, const float* bias,
                           int top_k, Place groups, Place in, Place out);
// out = sum over a token's pairs of their weight times their row of `down`.
StepFn combine_experts_step(const KernelTable& k, int n_experts, int top_k, Place route,
                            Place groups, Place down, Place out, Share share);
// Bytes of the groups row.
int64_t expert_groups_bytes(int n_experts, int max_pairs);

}  // namespace hearth::cpu
