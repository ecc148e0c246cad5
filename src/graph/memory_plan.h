// SPDX-License-Identifier: MIT
// Where the buffers of a program lie in one arena: buffers whose lives do not overlap share memory.
// Computed once for the largest batch; what counts as a step is the backend's business.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "graph/graph.h"

namespace hearth::graph {

// A buffer that is needed from step `first` to step `last`, inclusive.
struct Life {
  int first = 0;
  int last = 0;
  int64_t bytes = 0;
};

struct Placement {
  std::vector<int64_t> offsets;  // bytes, one per life, multiples of kPlaceAlign
  int64_t total_bytes = 0;
};

inline constexpr int64_t kPlaceAlign = 64;  // a cache line

// Gives each buffer an offset so that buffers whose lives share a step never overlap.
Placement place(std::span<const Life> lives);

// The value that owns the memory of `id`: follows slices to what they view.
ValueId owner(const Graph& graph, ValueId id);

// Bytes from row to row of a value that owns its memory.
int64_t row_stride_bytes(int width);

}  // namespace hearth::graph
