// SPDX-License-Identifier: MIT
// Where each value of a graph lies in one arena of floats: values whose lives do not overlap share
// memory, slices lie inside the value that they view. Computed once for the largest batch.
#pragma once
#include <cstdint>
#include <vector>

#include "graph/graph.h"

namespace hearth::graph {

struct ValuePlace {
  int64_t offset = 0;  // floats from the start of the arena to row 0
  int stride = 0;      // floats from row to row (a slice has its parent's stride)
};

struct MemoryPlan {
  std::vector<ValuePlace> places;  // one per value
  int64_t arena_floats = 0;
  int max_tokens = 0;
  int max_outputs = 0;
};

// Rows begin at multiples of 16 floats (a cache line). The graph's result stays alive to the end.
MemoryPlan plan_memory(const Graph& graph, int max_tokens, int max_outputs);

}  // namespace hearth::graph
