// SPDX-License-Identifier: MIT
// From a run of graph nodes to the CPU's steps: one schedule for batches of many rows and, where
// several threads work, one for few.
#pragma once
#include <vector>

#include "backend/backend.h"
#include "backend/cpu/schedule.h"

namespace hearth::cpu {

struct CompiledProgram {
  std::vector<Schedule> schedules;  // of Plan::kMany, and of Plan::kFew where there is one
  int few_rows = 0;                 // batches of so many tokens take the latter
  int64_t scratch_bytes_per_thread = 0;
  int64_t partial_bytes = 0;  // of Frame::partials for each token and chunk of positions
};

// Errors: a product that no kernel can do (a quantized row whose length is no multiple of 32).
Result<CompiledProgram> compile(const graph::Graph& graph, backend::Segment segment,
                                const backend::ProgramOptions& options, const KernelTable& kernels,
                                int n_threads);

}  // namespace hearth::cpu
