// SPDX-License-Identifier: MIT
// From a run of graph nodes to the CPU's steps: expands nodes, decides which steps may follow one
// another without a barrier (a phase), and places every buffer in one arena by phases.
#pragma once
#include <vector>

#include "backend/backend.h"
#include "backend/cpu/step.h"

namespace hearth::cpu {

struct CompiledProgram {
  std::vector<Step> steps;    // in order; phase numbers never fall
  std::vector<Place> values;  // one per graph value; places of this segment's values exist
  int64_t arena_bytes = 0;
  int64_t scratch_bytes_per_thread = 0;
};

// Errors: a product that no kernel can do (a quantized row whose length is no multiple of 32).
Result<CompiledProgram> compile(const graph::Graph& graph, backend::Segment segment,
                                const backend::ProgramOptions& options, const KernelTable& kernels);

}  // namespace hearth::cpu
