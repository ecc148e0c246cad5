// SPDX-License-Identifier: MIT
// A model's graph: weights, values, and nodes in the order of execution. Every shape is checked as
// nodes are added (a mismatch is a programmer's mistake: a file's shapes are checked before).
// Built once per model, const afterwards, shared by all threads.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/ops.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace hearth::graph {

enum class Rows { kTokens, kOutputs };

struct Value {
  std::string name;  // "blk.3.q", for printing and errors
  int width = 0;
  Rows rows = Rows::kTokens;
  int i_node = 0;  // the node that makes it
};

// A weight in its file's own layout; the bytes belong to the mapped file, which outlives the graph.
struct WeightRef {
  std::string name;
  DType type = DType::kF32;
  Shape shape;
  const uint8_t* data = nullptr;
};

struct Node {
  Op op;
  ValueId out = kNone;
};

// One layer of the KV cache. Layers of one kind share page tables (see engine/kv_cache.h).
struct CacheLayer {
  int n_kv_heads = 0;
  int k_size = 0;
  int v_size = 0;  // 0 where values lie inside the keys (MLA)
  int window = 0;  // 0 = the whole context is kept
  bool operator==(const CacheLayer&) const = default;
};

class Graph {
 public:
  WeightId add_weight(WeightRef weight);
  // Adds a node whose result is named `name`; returns the result.
  ValueId add(Op op, std::string name);
  int add_cache_layer(CacheLayer layer);
  void set_result(ValueId value) { result_ = value; }

  std::span<const WeightRef> weights() const { return weights_; }
  std::span<const Value> values() const { return values_; }
  std::span<const Node> nodes() const { return nodes_; }
  std::span<const CacheLayer> cache_layers() const { return cache_layers_; }
  const WeightRef& weight(WeightId id) const { return weights_[static_cast<size_t>(id)]; }
  const Value& value(ValueId id) const { return values_[static_cast<size_t>(id)]; }
  int width(ValueId id) const { return value(id).width; }
  // Logits [O, V]; of encoders, hidden states [O, D] or scores [O, 1].
  ValueId result() const { return result_; }

 private:
  std::vector<WeightRef> weights_;
  std::vector<Value> values_;
  std::vector<Node> nodes_;
  std::vector<CacheLayer> cache_layers_;
  ValueId result_ = kNone;
};

// The values that an op reads (kNone left out), in the order of its fields.
std::vector<ValueId> inputs(const Op& op);
// The weights that an op reads (kNone left out).
std::vector<WeightId> weights(const Op& op);
std::string_view op_name(const Op& op);
// One line per node: "12 matmul blk.0.q [T, 2048] <- blk.0.attn_norm, blk.0.attn_q.weight q4_k".
std::string to_string(const Graph& graph);

}  // namespace hearth::graph
