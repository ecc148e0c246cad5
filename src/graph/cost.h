// SPDX-License-Identifier: MIT
// What a step costs at least: the bytes of weights and KV cache that it must read from memory and
// the multiply-adds that its answer needs. Derived from the graph, so that a measured time becomes
// a fraction of the machine's limits. Activations are not counted: they stay in caches.
#pragma once
#include <cstdint>
#include <span>

#include "graph/graph.h"

namespace hearth::graph {

// One sequence of a step: n_new tokens after n_past positions that the cache holds.
struct SequenceLoad {
  int n_past = 0;
  int n_new = 0;
};

struct BatchLoad {
  std::span<const SequenceLoad> sequences;
  int n_outputs = 0;                       // rows whose logits are computed
  DType k = DType::kF16, v = DType::kF16;  // formats of the cache

  int n_tokens() const;
};

struct Cost {
  double bytes = 0;           // of weights and cache, each once however many tokens need it
  double macs = 0;            // multiply-adds of products with weights
  double attention_macs = 0;  // multiply-adds of queries with keys and of weights with values

  Cost& operator+=(const Cost& other);
};

// Of one node. With `weight` other than kNone only the share of that weight of an Experts node (its
// three products are separate steps).
// Which experts a step of several tokens chooses is not in the graph: their number is the expected
// one where every token chooses independently and evenly. For one token it is exact.
Cost cost_of(const Graph& graph, const Node& node, const BatchLoad& load, WeightId weight = kNone);

// Of all nodes.
Cost cost_of(const Graph& graph, const BatchLoad& load);

}  // namespace hearth::graph
