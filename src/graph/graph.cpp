// SPDX-License-Identifier: MIT
// Adding nodes with shape inference; see graph.h. One overload of Inference per op: it checks the
// op's shapes and answers the shape of the result.
#include "graph/graph.h"

#include "base/check.h"

namespace hearth::graph {
namespace {

struct RowShape {
  int width;
  Rows rows;
};

class Inference {
 public:
  explicit Inference(const Graph& graph) : g_(graph) {}

  RowShape operator()(const Embed& op) const { return {cols(op.table), Rows::kTokens}; }
  RowShape operator()(const EmbedPosition& op) const { return {cols(op.table), Rows::kTokens}; }
  RowShape operator()(const EmbedSegment& op) const { return {cols(op.table), Rows::kTokens}; }

  RowShape operator()(const Norm& op) const {
    CHECK(op.segment > 0 && width(op.x) % op.segment == 0);
    if (op.weight != kNone) CHECK(vector_of(op.weight, op.segment));
    if (op.bias != kNone) CHECK(vector_of(op.bias, op.segment));
    return same(op.x);
  }

  RowShape operator()(const MatMul& op) const {
    CHECK(cols(op.weight) == width(op.x));
    const auto n = static_cast<int>(g_.weight(op.weight).shape.rows());
    if (op.bias != kNone) CHECK(vector_of(op.bias, n));
    return {n, g_.value(op.x).rows};
  }

  RowShape operator()(const MatMulHeads& op) const {
    const int in = op.transposed ? op.n_rows : cols(op.weight);
    CHECK(width(op.x) == op.n_heads * in);
    CHECK(g_.weight(op.weight).shape.rows() == int64_t{op.n_heads} * op.head_rows);
    CHECK(op.row_begin >= 0 && op.row_begin + op.n_rows <= op.head_rows);
    return {op.n_heads * (op.transposed ? cols(op.weight) : op.n_rows), g_.value(op.x).rows};
  }

  RowShape operator()(const Rope& op) const {
    CHECK(width(op.x) == op.n_heads * op.head_size);
    CHECK(op.spec.n_rot % 2 == 0 && op.offset + op.spec.n_rot <= op.head_size);
    if (op.factors != kNone) CHECK(g_.weight(op.factors).shape.elements() >= op.spec.n_rot / 2);
    return same(op.x);
  }

  RowShape operator()(const ScaleByPosition& op) const { return same(op.x); }

  RowShape operator()(const Attention& op) const {
    CHECK(op.n_kv_heads > 0 && op.n_heads % op.n_kv_heads == 0);
    CHECK(width(op.q) == op.n_heads * op.k_size && width(op.k) == op.n_kv_heads * op.k_size);
    if (op.value_in_key) {
      CHECK(op.v == kNone && op.v_size <= op.k_size);
    } else {
      CHECK(width(op.v) == op.n_kv_heads * op.v_size);
    }
    CHECK(op.i_cache == kNone || op.i_cache < static_cast<int>(g_.cache_layers().size()));
    if (op.sinks != kNone) CHECK(vector_of(op.sinks, op.n_heads));
    return {op.n_heads * op.v_size, Rows::kTokens};
  }

  RowShape operator()(const Add& op) const {
    CHECK(width(op.a) == width(op.b) && same_rows(op.a, op.b));
    return same(op.a);
  }
  RowShape operator()(const Scale& op) const { return same(op.x); }
  RowShape operator()(const SoftCap& op) const { return same(op.x); }

  RowShape operator()(const Activate& op) const {
    if (op.up != kNone) CHECK(width(op.gate) == width(op.up) && same_rows(op.gate, op.up));
    CHECK(op.act != Act::kSwigluOai || op.up != kNone);
    return same(op.gate);
  }

  RowShape operator()(const Slice& op) const {
    CHECK(op.begin >= 0 && op.width > 0 && op.begin + op.width <= width(op.x));
    return {op.width, g_.value(op.x).rows};
  }

  RowShape operator()(const SliceHeads& op) const {
    CHECK(op.n_heads > 0 && width(op.x) % op.n_heads == 0);
    CHECK(op.begin >= 0 && op.width > 0 && op.begin + op.width <= width(op.x) / op.n_heads);
    return {op.n_heads * op.width, g_.value(op.x).rows};
  }

  RowShape operator()(const ConcatHeads& op) const {
    CHECK(width(op.a) == op.n_heads * op.a_size);
    CHECK(width(op.b) == (op.b_shared ? 1 : op.n_heads) * op.b_size && same_rows(op.a, op.b));
    return {op.n_heads * (op.a_size + op.b_size), g_.value(op.a).rows};
  }

  RowShape operator()(const GatherOutputs& op) const {
    CHECK(g_.value(op.x).rows == Rows::kTokens);
    return {width(op.x), Rows::kOutputs};
  }

  RowShape operator()(const Route& op) const {
    CHECK(width(op.logits) == op.n_experts && op.top_k > 0 && op.top_k <= op.n_experts);
    CHECK(op.n_groups > 0 && op.n_experts % op.n_groups == 0);
    CHECK(op.top_groups > 0 && op.top_groups <= op.n_groups);
    CHECK(op.n_groups == 1 ||
          (op.best_of_group > 0 && op.best_of_group <= op.n_experts / op.n_groups));
    CHECK(op.top_k <= op.n_experts / op.n_groups * op.top_groups);
    if (op.select_bias != kNone) CHECK(vector_of(op.select_bias, op.n_experts));
    return {2 * op.top_k, g_.value(op.logits).rows};
  }

  RowShape operator()(const Experts& op) const {
    CHECK(width(op.route) == 2 * op.top_k && cols(op.gate) == width(op.x));
    CHECK(g_.weight(op.gate).shape == g_.weight(op.up).shape);
    const Shape& down = g_.weight(op.down).shape;
    CHECK(down[0] == g_.weight(op.gate).shape[0] && g_.weight(op.gate).shape[1] == down[2]);
    const int64_t n_hidden = g_.weight(op.gate).shape.rows();
    if (op.gate_bias != kNone) CHECK(vector_of(op.gate_bias, n_hidden));
    if (op.up_bias != kNone) CHECK(vector_of(op.up_bias, n_hidden));
    if (op.down_bias != kNone) CHECK(vector_of(op.down_bias, down.rows()));
    return {static_cast<int>(g_.weight(op.down).shape[1]), g_.value(op.x).rows};
  }

 private:
  int width(ValueId id) const { return g_.width(id); }
  int cols(WeightId id) const { return static_cast<int>(g_.weight(id).shape.cols()); }
  bool vector_of(WeightId id, int64_t n) const { return g_.weight(id).shape.elements() == n; }
  bool same_rows(ValueId a, ValueId b) const { return g_.value(a).rows == g_.value(b).rows; }
  RowShape same(ValueId id) const { return {width(id), g_.value(id).rows}; }

  const Graph& g_;
};

}  // namespace

WeightId Graph::add_weight(WeightRef weight) {
  weights_.push_back(std::move(weight));
  return static_cast<WeightId>(weights_.size()) - 1;
}

ValueId Graph::add(Op op, std::string name) {
  for (const ValueId id : inputs(op)) CHECK(id >= 0 && id < static_cast<int>(values_.size()));
  for (const WeightId id : graph::weights(op)) {
    CHECK(id >= 0 && id < static_cast<int>(weights_.size()));
  }
  const RowShape shape = std::visit(Inference(*this), op);
  const auto out = static_cast<ValueId>(values_.size());
  values_.push_back({std::move(name), shape.width, shape.rows, static_cast<int>(nodes_.size())});
  nodes_.push_back({std::move(op), out});
  return out;
}

int Graph::add_cache_layer(CacheLayer layer) {
  cache_layers_.push_back(layer);
  return static_cast<int>(cache_layers_.size()) - 1;
}

}  // namespace hearth::graph
