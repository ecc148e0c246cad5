// SPDX-License-Identifier: MIT
// The oracle as a backend: executes any graph node by node with the reference operations of this
// folder, one thread, double accumulation. It is the definition of what a graph means and is never
// optimised. The cache holds rows as floats, rounded through the format that it was asked for.
#include <bit>
#include <cstring>
#include <map>

#include "backend/backend.h"
#include "backend/ref/attention.h"
#include "backend/ref/experts.h"
#include "backend/ref/matmul.h"
#include "backend/ref/row_ops.h"
#include "base/check.h"
#include "codec/codec.h"
#include "graph/rope.h"

namespace hearth::ref {
namespace {

using backend::Batch;
using backend::kPagePositions;
using graph::kNone;
using graph::ValueId;

class RefKvStore : public backend::KvStore {
 public:
  explicit RefKvStore(const backend::KvLayout& layout) : layout_(layout) {
    for (size_t i = 0; i < layout.layers.size(); ++i) {
      const auto group = static_cast<size_t>(layout.group_of_layer[i]);
      const auto rows = static_cast<size_t>(layout.pages_of_group[group]) * kPagePositions;
      const graph::CacheLayer& layer = layout.layers[i];
      keys_.emplace_back(rows * static_cast<size_t>(layer.n_kv_heads * layer.k_size));
      values_.emplace_back(rows * static_cast<size_t>(layer.n_kv_heads * layer.v_size));
    }
  }

  uint64_t bytes() const override {
    uint64_t n = 0;
    for (size_t i = 0; i < keys_.size(); ++i) n += keys_[i].size() + values_[i].size();
    return n * sizeof(float);
  }

  void copy_page(int group, int from, int to) override {
    for (size_t i = 0; i < layout_.layers.size(); ++i) {
      if (layout_.group_of_layer[i] != group) continue;
      for (int at = 0; at < kPagePositions; ++at) {
        const auto layer = static_cast<int>(i);
        const auto key = key_row(layer, from, at), value = value_row(layer, from, at);
        std::copy(key.begin(), key.end(), key_row(layer, to, at).begin());
        std::copy(value.begin(), value.end(), value_row(layer, to, at).begin());
      }
    }
  }

  Status write(int layer, int page, int at, std::span<const float> key,
               std::span<const float> value) {
    TRY(round_to(layout_.format.k, layout_.layers[static_cast<size_t>(layer)].k_size, key,
                 key_row(layer, page, at)));
    if (value.empty()) return {};
    return round_to(layout_.format.v, layout_.layers[static_cast<size_t>(layer)].v_size, value,
                    value_row(layer, page, at));
  }

  std::span<float> key_row(int layer, int page, int at) {
    const graph::CacheLayer& l = layout_.layers[static_cast<size_t>(layer)];
    return row(keys_[static_cast<size_t>(layer)], l.n_kv_heads * l.k_size, page, at);
  }
  std::span<float> value_row(int layer, int page, int at) {
    const graph::CacheLayer& l = layout_.layers[static_cast<size_t>(layer)];
    return row(values_[static_cast<size_t>(layer)], l.n_kv_heads * l.v_size, page, at);
  }
  int group(int layer) const { return layout_.group_of_layer[static_cast<size_t>(layer)]; }

 private:
  static std::span<float> row(std::vector<float>& all, int width, int page, int at) {
    const auto n = static_cast<size_t>(width);
    return {all.data() + (static_cast<size_t>(page) * kPagePositions + static_cast<size_t>(at)) * n,
            n};
  }

  // Head by head through the cache's format and back.
  static Status round_to(DType type, int size, std::span<const float> in, std::span<float> out) {
    if (type == DType::kF32) {
      std::copy(in.begin(), in.end(), out.begin());
      return {};
    }
    std::vector<uint8_t> bytes(static_cast<size_t>(row_bytes(type, size)));
    for (size_t begin = 0; begin < in.size(); begin += static_cast<size_t>(size)) {
      TRY(codec::encode_row(type, in.subspan(begin, static_cast<size_t>(size)), bytes));
      codec::decode_row(type, bytes, out.subspan(begin, static_cast<size_t>(size)));
    }
    return {};
  }

  backend::KvLayout layout_;
  std::vector<std::vector<float>> keys_, values_;
};

class RefProgram : public backend::Program {
 public:
  RefProgram(const graph::Graph& graph, backend::Segment segment,
             const backend::ProgramOptions& options)
      : g_(graph), segment_(segment) {
    for (const graph::Value& value : graph.values()) {
      const int rows =
          value.rows == graph::Rows::kTokens ? options.max_tokens : options.max_outputs;
      values_.emplace_back(static_cast<size_t>(rows) * static_cast<size_t>(value.width));
    }
  }

  Status run(const Batch& batch, backend::KvStore* kv) override {
    batch_ = &batch;
    kv_ = static_cast<RefKvStore*>(kv);
    for (int i = segment_.begin; i < segment_.end; ++i) {
      if (batch.cancel != nullptr && batch.cancel->load(std::memory_order_relaxed)) {
        return interrupted("stopped");
      }
      const graph::Node& node = g_.nodes()[static_cast<size_t>(i)];
      TRY(std::visit([&](const auto& op) { return execute_rows(op, node.out); }, node.op));
    }
    return {};
  }

  std::span<float> row(ValueId value, int i) override {
    const auto width = static_cast<size_t>(g_.width(value));
    return {values_[static_cast<size_t>(value)].data() + static_cast<size_t>(i) * width, width};
  }

  uint64_t scratch_bytes() const override {
    uint64_t n = 0;
    for (const auto& value : values_) n += value.size() * sizeof(float);
    return n;
  }

 private:
  int n_rows(ValueId id) const {
    return static_cast<int>(g_.value(id).rows == graph::Rows::kTokens ? batch_->tokens.size()
                                                                      : batch_->outputs.size());
  }
  int position(int r) const { return batch_->positions[static_cast<size_t>(r)]; }
  std::span<const float> floats(graph::WeightId id) const {
    if (id == kNone) return {};
    const graph::WeightRef& weight = g_.weight(id);
    CHECK(weight.type == DType::kF32);
    return {reinterpret_cast<const float*>(weight.data),
            static_cast<size_t>(weight.shape.elements())};
  }
  WeightView matrix(graph::WeightId id) const { return WeightView::of(g_.weight(id)); }
  std::span<const float> one(ValueId id, int r) { return row(id, r); }
  static Rows as_rows(std::span<const float> x) {
    return {x.data(), 1, static_cast<int64_t>(x.size())};
  }
  static MutableRows as_rows(std::span<float> x) {
    return {x.data(), 1, static_cast<int64_t>(x.size())};
  }

  template <typename Op>
  Status execute_rows(const Op& op, ValueId out) {
    const int n = n_rows(out);
    for (int r = 0; r < n; ++r) TRY(execute(op, out, r));
    return {};
  }
  // A product takes all rows at once, so that each row of the weight is decoded once.
  Status execute_rows(const graph::MatMul& op, ValueId out) {
    const int n = n_rows(out);
    if (n == 0) return {};
    matmul(matrix(op.weight), floats(op.bias), {row(op.x, 0).data(), n, g_.width(op.x)},
           {row(out, 0).data(), n, g_.width(out)});
    return {};
  }

  // --- One overload per other op: row r of its result ---

  Status execute(const graph::Embed& op, ValueId out, int r) {
    embed(matrix(op.table), batch_->tokens[static_cast<size_t>(r)], op.scale, row(out, r));
    return {};
  }
  Status execute(const graph::EmbedPosition& op, ValueId out, int r) {
    embed(matrix(op.table), position(r), 1.0f, row(out, r));
    return {};
  }
  Status execute(const graph::EmbedSegment& op, ValueId out, int r) {
    const auto& segments = batch_->segments;
    const int32_t at = segments.empty() ? 0 : segments[static_cast<size_t>(r)];
    embed(matrix(op.table), at, 1.0f, row(out, r));
    return {};
  }
  Status execute(const graph::Norm& op, ValueId out, int r) {
    if (op.kind == graph::NormKind::kLayer) {
      layer_norm(one(op.x, r), floats(op.weight), floats(op.bias), op.eps, op.segment, row(out, r));
      return {};
    }
    CHECK(op.bias == kNone);
    rms_norm(one(op.x, r), floats(op.weight), op.eps, op.segment, row(out, r));
    return {};
  }
  Status execute(const graph::MatMulHeads& op, ValueId out, int r) {
    matmul_heads(op, matrix(op.weight), as_rows(one(op.x, r)), as_rows(row(out, r)));
    return {};
  }
  Status execute(const graph::Rope& op, ValueId out, int r) {
    const auto pairs = static_cast<size_t>(op.spec.n_rot / 2);
    std::vector<float> cos(pairs), sin(pairs);
    const auto factors = floats(op.factors);
    graph::rope_table(op.spec, factors.empty() ? factors : factors.first(pairs))
        .angles(position(r), cos, sin);
    const auto to = row(out, r);
    const auto from = one(op.x, r);
    std::copy(from.begin(), from.end(), to.begin());
    for (int h = 0; h < op.n_heads; ++h) {
      rotate(op.spec.order, cos, sin,
             to.subspan(static_cast<size_t>(h * op.head_size + op.offset), 2 * pairs));
    }
    return {};
  }
  Status execute(const graph::ScaleByPosition& op, ValueId out, int r) {
    scale(one(op.x, r), position_scale(op.temperature, op.floor_scale, position(r)), row(out, r));
    return {};
  }

  // Row 0 first writes the whole batch to the cache; then every row attends.
  Status execute(const graph::Attention& op, ValueId out, int r) {
    if (op.i_cache != kNone && r == 0) TRY(write_cache(op));
    std::vector<std::span<const float>> keys, values;
    std::vector<int32_t> positions;
    if (op.i_cache == kNone) {
      for (int s = 0; s < n_rows(out); ++s) {
        if (batch_->i_sequence[static_cast<size_t>(s)] !=
            batch_->i_sequence[static_cast<size_t>(r)]) {
          continue;
        }
        keys.push_back(one(op.k, s));
        values.push_back(one(op.v, s));
        positions.push_back(position(s));
      }
    } else {
      for (int s = 0; s <= position(r); ++s) {
        if (!is_visible(op, position(r), s)) continue;
        const int page = page_of(op, r, s);
        keys.push_back(kv_->key_row(op.i_cache, page, s % kPagePositions));
        if (!op.value_in_key) {
          values.push_back(kv_->value_row(op.i_cache, page, s % kPagePositions));
        }
        positions.push_back(s);
      }
    }
    attention(op, {one(op.q, r), position(r), keys, values, positions, floats(op.sinks)},
              row(out, r));
    return {};
  }
  int page_of(const graph::Attention& op, int r, int at) const {
    const auto i = static_cast<size_t>(batch_->i_sequence[static_cast<size_t>(r)]);
    const auto group = static_cast<size_t>(kv_->group(op.i_cache));
    return batch_->sequences[i].pages[group][static_cast<size_t>(at / kPagePositions)];
  }
  Status write_cache(const graph::Attention& op) {
    for (int s = 0; s < n_rows(op.k); ++s) {
      const auto value = op.value_in_key ? std::span<const float>() : one(op.v, s);
      TRY(kv_->write(op.i_cache, page_of(op, s, position(s)), position(s) % kPagePositions,
                     one(op.k, s), value));
    }
    return {};
  }

  Status execute(const graph::Add& op, ValueId out, int r) {
    add(one(op.a, r), one(op.b, r), row(out, r));
    return {};
  }
  Status execute(const graph::Scale& op, ValueId out, int r) {
    scale(one(op.x, r), op.factor, row(out, r));
    return {};
  }
  Status execute(const graph::SoftCap& op, ValueId out, int r) {
    soft_cap(one(op.x, r), op.cap, row(out, r));
    return {};
  }
  Status execute(const graph::Activate& op, ValueId out, int r) {
    activate({op.act, op.alpha, op.limit}, one(op.gate, r),
             op.up == kNone ? std::span<const float>() : one(op.up, r), row(out, r));
    return {};
  }
  Status execute(const graph::Slice& op, ValueId out, int r) {
    const auto part =
        one(op.x, r).subspan(static_cast<size_t>(op.begin), static_cast<size_t>(op.width));
    std::copy(part.begin(), part.end(), row(out, r).begin());
    return {};
  }
  Status execute(const graph::SliceHeads& op, ValueId out, int r) {
    const int from_size = g_.width(op.x) / op.n_heads;
    for (int h = 0; h < op.n_heads; ++h) {
      for (int i = 0; i < op.width; ++i) {
        row(out, r)[static_cast<size_t>(h * op.width + i)] =
            one(op.x, r)[static_cast<size_t>(h * from_size + op.begin + i)];
      }
    }
    return {};
  }
  Status execute(const graph::ConcatHeads& op, ValueId out, int r) {
    const int size = op.a_size + op.b_size;
    for (int h = 0; h < op.n_heads; ++h) {
      const int b_head = op.b_shared ? 0 : h;
      for (int i = 0; i < size; ++i) {
        row(out, r)[static_cast<size_t>(h * size + i)] =
            i < op.a_size ? one(op.a, r)[static_cast<size_t>(h * op.a_size + i)]
                          : one(op.b, r)[static_cast<size_t>(b_head * op.b_size + i - op.a_size)];
      }
    }
    return {};
  }
  Status execute(const graph::GatherOutputs& op, ValueId out, int r) {
    const auto from = one(op.x, batch_->outputs[static_cast<size_t>(r)]);
    std::copy(from.begin(), from.end(), row(out, r).begin());
    return {};
  }
  Status execute(const graph::Route& op, ValueId out, int r) {
    const auto k = static_cast<size_t>(op.top_k);
    std::vector<int32_t> ids(k);
    route(op, one(op.logits, r), floats(op.select_bias), ids, row(out, r).subspan(k, k));
    for (size_t i = 0; i < k; ++i) row(out, r)[i] = std::bit_cast<float>(ids[i]);
    return {};
  }
  Status execute(const graph::Experts& op, ValueId out, int r) {
    const auto k = static_cast<size_t>(op.top_k);
    std::vector<int32_t> ids(k);
    for (size_t i = 0; i < k; ++i) ids[i] = std::bit_cast<int32_t>(one(op.route, r)[i]);
    const ExpertWeights layer{matrix(op.gate),
                              matrix(op.up),
                              matrix(op.down),
                              floats(op.gate_bias),
                              floats(op.up_bias),
                              floats(op.down_bias),
                              static_cast<int>(g_.weight(op.gate).shape[0])};
    experts(layer, {op.act, op.alpha, op.limit}, one(op.x, r), ids, one(op.route, r).subspan(k, k),
            row(out, r));
    return {};
  }

  const graph::Graph& g_;
  const backend::Segment segment_;
  std::vector<std::vector<float>> values_;
  const Batch* batch_ = nullptr;
  RefKvStore* kv_ = nullptr;
};

class RefBackend : public backend::Backend {
 public:
  std::string name() const override { return "ref"; }
  Result<std::unique_ptr<backend::Program>> compile(
      const graph::Graph& graph, backend::Segment segment,
      const backend::ProgramOptions& options) override {
    return std::make_unique<RefProgram>(graph, segment, options);
  }
  Result<std::unique_ptr<backend::KvStore>> make_kv(const backend::KvLayout& layout) override {
    return std::make_unique<RefKvStore>(layout);
  }
};

}  // namespace
}  // namespace hearth::ref

namespace hearth::backend {

std::unique_ptr<Backend> make_ref_backend() { return std::make_unique<ref::RefBackend>(); }

}  // namespace hearth::backend
