// SPDX-License-Identifier: MIT
#include "graph/cost.h"

#include <algorithm>
#include <cmath>
#include <variant>

namespace hearth::graph {
namespace {

double bytes_of(const WeightRef& weight, int64_t n_rows) {
  return static_cast<double>(row_bytes(weight.type, weight.shape.cols())) *
         static_cast<double>(n_rows);
}

double whole_bytes(const Graph& graph, WeightId id) {
  return id == kNone ? 0.0 : bytes_of(graph.weight(id), graph.weight(id).shape.rows());
}

// Sum of min(p, limit) over the positions p = past + 1 … past + n: keys that n tokens look at.
double seen_keys(const SequenceLoad& sequence, int limit) {
  const double first = sequence.n_past + 1.0, n = sequence.n_new;
  const double last = first + n - 1.0;
  if (limit <= 0 || last <= limit) return n * (first + last) / 2.0;
  if (first >= limit) return n * limit;
  const double n_growing = limit - first + 1.0;
  return n_growing * (first + limit) / 2.0 + (n - n_growing) * limit;
}

// Cached positions that at least one of the new tokens looks at; those of the step itself are
// still in a cache of the processor.
double cached_keys(const SequenceLoad& sequence, int window) {
  return window <= 0 ? sequence.n_past : std::min(sequence.n_past, window - 1);
}

// Experts that T tokens choose, k of E each.
double expected_experts(double n_experts, double top_k, double n_tokens) {
  return n_experts * (1.0 - std::pow(1.0 - top_k / n_experts, n_tokens));
}

class CostOf {
 public:
  CostOf(const Graph& graph, const Node& node, const BatchLoad& load, WeightId only)
      : g_(graph), load_(load), only_(only) {
    n_rows_ = graph.value(node.out).rows == Rows::kTokens ? load.n_tokens() : load.n_outputs;
  }

  Cost operator()(const Embed& op) const {
    // A tied table is read whole for the logits of the same step and counts there.
    if (load_.n_outputs > 0 && is_multiplied(op.table)) return {};
    return {bytes_of(g_.weight(op.table), load_.n_tokens()), 0, 0};
  }
  Cost operator()(const EmbedPosition& op) const {
    return {bytes_of(g_.weight(op.table), load_.n_tokens()), 0, 0};
  }
  Cost operator()(const MatMul& op) const {
    if (n_rows_ == 0) return {};
    const double elements = static_cast<double>(g_.weight(op.weight).shape.elements());
    return {whole_bytes(g_, op.weight) + whole_bytes(g_, op.bias), elements * n_rows_, 0};
  }
  Cost operator()(const MatMulHeads& op) const {
    const WeightRef& weight = g_.weight(op.weight);
    const int64_t used_rows = int64_t{op.n_heads} * op.n_rows;
    return {bytes_of(weight, used_rows),
            static_cast<double>(used_rows * weight.shape.cols()) * n_rows_, 0};
  }
  Cost operator()(const Attention& op) const {
    Cost cost{whole_bytes(g_, op.sinks), 0, 0};
    const double row =
        op.n_kv_heads * (cached_row_bytes(load_.k, op.k_size) +
                         (op.value_in_key ? 0.0 : cached_row_bytes(load_.v, op.v_size)));
    for (const SequenceLoad& sequence : load_.sequences) {
      // Encoders look at the whole batch, both ways.
      const double keys = op.i_cache == kNone ? double(sequence.n_new) * sequence.n_new
                                              : seen_keys(sequence, op.window);
      cost.attention_macs += keys * op.n_heads * (op.k_size + op.v_size);
      if (op.i_cache != kNone) cost.bytes += cached_keys(sequence, op.window) * row;
    }
    return cost;
  }
  Cost operator()(const Experts& op) const {
    const double n_experts = static_cast<double>(g_.weight(op.gate).shape[0]);
    const double active = expected_experts(n_experts, op.top_k, n_rows_) / n_experts;
    const std::pair<WeightId, WeightId> products[] = {
        {op.gate, op.gate_bias}, {op.up, op.up_bias}, {op.down, op.down_bias}};
    Cost cost;
    for (const auto& [weight, bias] : products) {
      if (only_ != kNone && only_ != weight) continue;
      const double elements = static_cast<double>(g_.weight(weight).shape.elements());
      cost.bytes += active * (whole_bytes(g_, weight) + whole_bytes(g_, bias));
      cost.macs += elements / n_experts * op.top_k * n_rows_;
    }
    return cost;
  }
  // Norms, ropes, routes: their weights are vectors, their arithmetic is not multiply-adds of
  // matrices.
  template <class Other>
  Cost operator()(const Other& op) const {
    if (n_rows_ == 0) return {};
    Cost cost;
    for (const WeightId id : weights(Op(op))) cost.bytes += whole_bytes(g_, id);
    return cost;
  }

 private:
  bool is_multiplied(WeightId id) const {
    return std::any_of(g_.nodes().begin(), g_.nodes().end(), [id](const Node& node) {
      const auto* product = std::get_if<MatMul>(&node.op);
      return product != nullptr && product->weight == id;
    });
  }

  // One position of one head; a format that the head size does not fill has no meaning and the
  // backend refuses it.
  static double cached_row_bytes(DType type, int size) {
    const DTypeInfo& format = info(type);
    return double(size) * format.block_bytes / format.block_weights;
  }

  const Graph& g_;
  const BatchLoad& load_;
  const WeightId only_;
  double n_rows_ = 0;
};

}  // namespace

int BatchLoad::n_tokens() const {
  int n = 0;
  for (const SequenceLoad& sequence : sequences) n += sequence.n_new;
  return n;
}

Cost& Cost::operator+=(const Cost& other) {
  bytes += other.bytes;
  macs += other.macs;
  attention_macs += other.attention_macs;
  return *this;
}

Cost cost_of(const Graph& graph, const Node& node, const BatchLoad& load, WeightId weight) {
  return std::visit(CostOf(graph, node, load, weight), node.op);
}

Cost cost_of(const Graph& graph, const BatchLoad& load) {
  Cost sum;
  for (const Node& node : graph.nodes()) sum += cost_of(graph, node, load);
  return sum;
}

}  // namespace hearth::graph
