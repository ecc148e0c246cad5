// SPDX-License-Identifier: MIT
// What a block needs to add its nodes: the spec, the numbers, the bound weights and the graph.
// Lives only while a graph is built; one thread.
#pragma once
#include <string>
#include <string_view>
#include <unordered_map>

#include "arch/hparams.h"
#include "arch/spec.h"
#include "graph/graph.h"

namespace hearth::arch {

using graph::kNone;
using graph::ValueId;
using graph::WeightId;

// Weights of the file that the table names, by GGUF name.
using Bindings = std::unordered_map<std::string, WeightId>;

class Builder {
 public:
  Builder(const ArchSpec& arch_spec, const HParams& hparams, const Bindings& bindings, int context,
          graph::Graph& graph)
      : spec(arch_spec), hp(hparams), n_ctx(context), graph_(graph), bindings_(bindings) {}

  const ArchSpec& spec;
  const HParams& hp;
  const int n_ctx;  // context that sessions will use: longrope's choice of factors
  int layer = 0;    // the block being built

  // A weight of this layer, "attn_q.weight"; it must be there (the table says so).
  WeightId weight(std::string_view suffix) const;
  // The same, or kNone where the file has none.
  WeightId weight_if(std::string_view suffix) const;
  // A weight outside of the layers.
  WeightId global(const std::string& name) const;
  WeightId global_if(const std::string& name) const;

  // Adds a node named "blk.<layer>.<name>".
  ValueId add(graph::Op op, std::string_view name);
  // Adds a node outside of the layers.
  ValueId add_global(graph::Op op, std::string name) {
    return graph_.add(std::move(op), std::move(name));
  }

  // The architecture's norm over `segment` values with the weights <name>.weight and <name>.bias.
  ValueId norm(ValueId x, std::string_view name, int segment);
  // The architecture's norm over whole rows, outside of the layers.
  ValueId global_norm(ValueId x, const std::string& name);

  // Queries with the attention temperature that the file gives; x where it gives none.
  ValueId scale_by_position(ValueId x);

  int width(ValueId id) const { return graph_.width(id); }
  // Positions that a layer sees; 0 = all.
  int window() const { return window(layer); }
  int window(int i_layer) const;
  // A soft cap of the file, or else of the architecture; 0 = none.
  float cap(float of_file, float SoftCaps::*of_spec) const;
  graph::Graph& graph() { return graph_; }

 private:
  graph::Graph& graph_;
  const Bindings& bindings_;
};

// What YaRN multiplies queries and keys by (its mscale, times the file's own factor), as a whole.
// With MLA it multiplies the scores instead where the file gives a log multiplier.
float yarn_magnitude(const Builder& b);
// Rope of this layer's kind with the file's context scaling; n_rot = hp.R.
graph::RopeSpec rope_spec(const Builder& b, PairOrder order);
// Per-pair frequency factors that the file brings (llama3, longrope), or kNone.
WeightId rope_factors(const Builder& b);

}  // namespace hearth::arch
