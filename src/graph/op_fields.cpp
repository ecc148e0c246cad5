// SPDX-License-Identifier: MIT
// What each op reads, and its name: one row per op.
#include <fmt/format.h>

#include "graph/graph.h"

namespace hearth::graph {
namespace {

struct Reads {
  std::vector<ValueId> values;
  std::vector<WeightId> weights;
};

struct ReadsOf {
  Reads operator()(const Embed& op) const { return {{}, {op.table}}; }
  Reads operator()(const EmbedPosition& op) const { return {{}, {op.table}}; }
  Reads operator()(const EmbedSegment& op) const { return {{}, {op.table}}; }
  Reads operator()(const Norm& op) const { return {{op.x}, {op.weight, op.bias}}; }
  Reads operator()(const MatMul& op) const { return {{op.x}, {op.weight, op.bias}}; }
  Reads operator()(const MatMulHeads& op) const { return {{op.x}, {op.weight}}; }
  Reads operator()(const Rope& op) const { return {{op.x}, {op.factors}}; }
  Reads operator()(const ScaleByPosition& op) const { return {{op.x}, {}}; }
  Reads operator()(const Attention& op) const { return {{op.q, op.k, op.v}, {op.sinks}}; }
  Reads operator()(const Add& op) const { return {{op.a, op.b}, {}}; }
  Reads operator()(const Scale& op) const { return {{op.x}, {}}; }
  Reads operator()(const SoftCap& op) const { return {{op.x}, {}}; }
  Reads operator()(const Activate& op) const { return {{op.gate, op.up}, {}}; }
  Reads operator()(const Slice& op) const { return {{op.x}, {}}; }
  Reads operator()(const SliceHeads& op) const { return {{op.x}, {}}; }
  Reads operator()(const ConcatHeads& op) const { return {{op.a, op.b}, {}}; }
  Reads operator()(const GatherOutputs& op) const { return {{op.x}, {}}; }
  Reads operator()(const Route& op) const { return {{op.logits}, {op.select_bias}}; }
  Reads operator()(const Experts& op) const {
    return {{op.x, op.route}, {op.gate, op.up, op.down, op.gate_bias, op.up_bias, op.down_bias}};
  }
};

std::vector<int> present(const std::vector<int>& ids) {
  std::vector<int> kept;
  for (const int id : ids) {
    if (id != kNone) kept.push_back(id);
  }
  return kept;
}

// In the order of the variant.
constexpr std::string_view kNames[] = {"embed",          "embed_position",
                                       "embed_segment",  "norm",
                                       "matmul",         "matmul_heads",
                                       "rope",           "scale_by_position",
                                       "attention",      "add",
                                       "scale",          "soft_cap",
                                       "activate",       "slice",
                                       "slice_heads",    "concat_heads",
                                       "gather_outputs", "route",
                                       "experts"};
static_assert(std::size(kNames) == std::variant_size_v<Op>);

}  // namespace

std::vector<ValueId> inputs(const Op& op) { return present(std::visit(ReadsOf(), op).values); }
std::vector<WeightId> weights(const Op& op) { return present(std::visit(ReadsOf(), op).weights); }
std::string_view op_name(const Op& op) { return kNames[op.index()]; }

std::string to_string(const Graph& graph) {
  std::string text;
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& node = graph.nodes()[i];
    const Value& out = graph.value(node.out);
    text += fmt::format("{} {} {} [{}, {}]", i, op_name(node.op), out.name,
                        out.rows == Rows::kTokens ? 'T' : 'O', out.width);
    std::string_view separator = " <- ";
    for (const ValueId id : inputs(node.op)) {
      text += fmt::format("{}{}", separator, graph.value(id).name);
      separator = ", ";
    }
    for (const WeightId id : weights(node.op)) {
      const WeightRef& weight = graph.weight(id);
      text += fmt::format("{}{} {}", separator, weight.name, info(weight.type).name);
      separator = ", ";
    }
    text += '\n';
  }
  return text;
}

}  // namespace hearth::graph
