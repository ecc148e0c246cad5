// SPDX-License-Identifier: MIT
// What stands between a graph and its schedule: drafts of steps, which say what they read and write
// and how their work may be divided, and the buffers between them, not yet placed.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "backend/cpu/step.h"
#include "graph/graph.h"

namespace hearth::cpu {

using BufferId = int;

struct Buffer {
  int64_t row_bytes = 0;
  int width = 0;
  graph::Rows rows = graph::Rows::kTokens;
  int times = 1;         // rows for each token or output
  int64_t max_rows = 0;  // 0: stands for something that takes no memory here
  // A view: rows of `parent` from byte `parent_offset` on.
  BufferId parent = graph::kNone;
  int64_t parent_offset = 0;
  bool imported = false;  // filled before the run, readable after it
  bool exported = false;
  // Set by the scheduler.
  bool own = false;  // a copy in each thread's memory
  int64_t offset = -1;
};

// How the work of a step may be divided.
enum class By : uint8_t {
  kRows,     // each row of the result by itself
  kValues,   // each value of the result by itself: by row or by column
  kColumns,  // column_share of the result, from whole rows of the inputs
  kOnce,     // not at all
  kOther,    // in a way of its own
};

struct Draft {
  std::string name;
  By by = By::kRows;
  std::vector<BufferId> reads, writes;
  std::function<StepFn(Share)> make;  // called when places are known
  std::vector<Work> works;
  // Set by the scheduler.
  int phase = 0;
  Share share = Share::kRows;
};

struct Drafts {
  std::vector<Buffer> buffers;  // buffer i is value i for all values of the graph
  std::vector<Draft> steps;
  int64_t scratch_bytes = 64;  // of private memory that a step needs per thread, at most
  int64_t partial_bytes = 0;   // of attention's partial results per row and chunk, at most

  const Buffer& buffer(BufferId id) const { return buffers[static_cast<size_t>(id)]; }
  BufferId root(BufferId id) const {
    while (buffer(id).parent != graph::kNone) id = buffer(id).parent;
    return id;
  }
  // Only when offsets are known.
  Place place(BufferId id) const;
};

}  // namespace hearth::cpu
