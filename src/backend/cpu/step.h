// SPDX-License-Identifier: MIT
// A compiled step of the CPU backend: a job that all threads of the pool do together, each its
// share. Steps of one phase run without a barrier between them; the compiler (compile.cpp) decides
// phases.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "backend/cpu/kernel_table.h"
#include "backend/cpu/kv_store.h"
#include "base/thread_pool.h"
#include "graph/graph.h"
#include "graph/rope.h"

namespace hearth::cpu {

// What one run of a program works on. Const for the steps; the memory behind it is theirs.
struct Frame {
  const backend::Batch* batch = nullptr;
  CpuKvStore* kv = nullptr;
  uint8_t* arena = nullptr;
  std::span<uint8_t* const> scratch;  // one private piece of memory per thread
  int n_tokens = 0;
  int n_outputs = 0;
  int n_threads = 1;
};

// Rows of a buffer in the arena.
struct Place {
  int64_t offset = -1;    // bytes to row 0; negative: there is no such buffer
  int64_t row_bytes = 0;  // from row to row
  int width = 0;          // values in a row
  graph::Rows rows = graph::Rows::kTokens;

  bool exists() const { return offset >= 0; }
};

inline uint8_t* row_bytes_of(const Frame& frame, const Place& place, int64_t i) {
  return frame.arena + place.offset + i * place.row_bytes;
}
inline float* row_of(const Frame& frame, const Place& place, int64_t i) {
  return reinterpret_cast<float*>(row_bytes_of(frame, place, i));
}
inline int n_rows_of(const Frame& frame, const Place& place) {
  return place.rows == graph::Rows::kTokens ? frame.n_tokens : frame.n_outputs;
}
// The rows that a thread works on in steps that are split by row.
inline Slice row_share(const Frame& frame, const Place& place, int thread) {
  return slice(n_rows_of(frame, place), thread, frame.n_threads);
}

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

// out = act(gate) * up over one row; up may be null (1).
void activate_row(const KernelTable& k, graph::Act act, float alpha, float limit, const float* gate,
                  const float* up, int n, float* out);

// --- Factories, one per kind of step. Weights are borrowed from the graph. ---

// steps_rows.cpp: split by row.
StepFn embed_step(const KernelTable& k, const graph::WeightRef& table, float scale, Place out);
StepFn embed_position_step(const KernelTable& k, const graph::WeightRef& table, int fixed_row,
                           Place out);
StepFn norm_step(const KernelTable& k, const graph::Norm& op, const float* weight,
                 const float* bias, Place x, Place out);
StepFn prepare_step(const KernelTable& k, Place x, Place prepared);
StepFn angles_step(graph::RopeTable table, Place out);
StepFn rope_step(const KernelTable& k, const graph::Rope& op, Place x, Place angles, Place out);
StepFn scale_by_position_step(const KernelTable& k, const graph::ScaleByPosition& op, Place x,
                              Place out);
StepFn add_step(const KernelTable& k, Place a, Place b, Place out);
StepFn scale_step(const KernelTable& k, float factor, Place x, Place out);
StepFn soft_cap_step(const KernelTable& k, float cap, Place x, Place out);
StepFn activate_step(const KernelTable& k, const graph::Activate& op, Place gate, Place up,
                     Place out);
StepFn slice_heads_step(const graph::SliceHeads& op, Place x, Place out);
StepFn concat_heads_step(const graph::ConcatHeads& op, Place a, Place b, Place out);
StepFn gather_outputs_step(Place x, Place out);

// steps_matmul.cpp: split by weight row or by head.
StepFn matmul_step(const KernelTable& k, const graph::WeightRef& weight, const float* bias,
                   Place in, Place out);
// Prepares each head of x by itself.
StepFn prepare_heads_step(const KernelTable& k, int n_heads, Place x, Place prepared);
StepFn matmul_heads_step(const KernelTable& k, const graph::MatMulHeads& op,
                         const graph::WeightRef& weight, Place x, Place prepared, Place out);

// steps_attention.cpp.
StepFn write_kv_step(const KernelTable& k, const graph::Attention& op, Place keys, Place values);
StepFn attention_step(const KernelTable& k, const graph::Attention& op, const float* sinks, Place q,
                      Place keys, Place values, Place out);
// Bytes of private memory that attention_step needs per thread.
int64_t attention_scratch_bytes(const graph::Attention& op);

// steps_experts.cpp.
struct ExpertPlaces {
  Place x;           // [T, D] floats
  Place x_prepared;  // the same, prepared
  Place route;       // [T, 2 * top_k]
  Place groups;      // one row: which pairs each expert has, see steps_experts.cpp
  Place gathered;    // [T * top_k] rows of x (or x_prepared) in the order of groups
  Place gate, up;    // [T * top_k, X]
  Place hidden;      // [T * top_k, X] floats
  Place hidden_prepared;
  Place down;  // [T * top_k, D]
  Place out;   // [T, D]
};
struct ExpertWeights {
  const graph::WeightRef *gate, *up, *down;
  const float *gate_bias, *up_bias, *down_bias;  // null where absent
};
StepFn route_step(const graph::Route& op, const float* select_bias, Place logits, Place out);
StepFn group_experts_step(int n_experts, int top_k, const ExpertPlaces& places);
StepFn gather_experts_step(int n_experts, int top_k, bool prepared, const ExpertPlaces& places);
StepFn expert_product_step(const KernelTable& k, const graph::WeightRef& weight, const float* bias,
                           int top_k, Place groups, Place in, Place out);
StepFn expert_activate_step(const KernelTable& k, const graph::Experts& op, bool prepare,
                            const ExpertPlaces& places);
StepFn combine_experts_step(const KernelTable& k, int n_experts, int top_k,
                            const ExpertPlaces& places);
// Bytes of the groups row.
int64_t expert_groups_bytes(int n_experts, int max_pairs);

}  // namespace hearth::cpu
