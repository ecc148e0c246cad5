// SPDX-License-Identifier: MIT
// From a model file to its graph: finds the architecture by the file's name for it, reads the
// numbers, checks every tensor against the table and builds the graph over the mapped weights. A
// missing, unknown, wrongly shaped or unusable tensor is an error that names it.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "arch/hparams.h"
#include "arch/spec.h"
#include "arch/tensor_table.h"
#include "base/result.h"
#include "file/gguf.h"
#include "graph/graph.h"

namespace hearth::arch {

// All architectures, in the order of their names. The list is generated from models/*.cpp.
std::span<const ArchSpec> all_architectures();
// Null where hearth does not know the name.
const ArchSpec* find_architecture(std::string_view name);

// Every tensor of a model with these numbers.
TensorTable tensor_table(const ArchSpec& spec, const HParams& hp);

struct ModelGraph {
  const ArchSpec* spec = nullptr;
  HParams hparams;
  RankHead rank_head = RankHead::kNone;  // otherwise the graph's result is a score, [O, 1]
  graph::Graph graph;                    // weights point into the file
  std::vector<std::string> notes;        // what the file says and hearth leaves out, for people
};

// n_ctx: the context that sessions will use (longrope chooses its factors by it); 0: the model's
// own. The file must outlive the result.
Result<ModelGraph> build_model(const file::Gguf& file, int n_ctx);

}  // namespace hearth::arch
