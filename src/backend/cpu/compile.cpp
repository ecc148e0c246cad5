// SPDX-License-Identifier: MIT
// See compile.h. First each node is expanded to drafts: which buffers a step reads and writes and
// how it is split. Phases and places follow from the drafts; then each draft makes its step.
#include "backend/cpu/compile.h"

#include <algorithm>
#include <functional>
#include <map>
#include <tuple>

#include "base/check.h"
#include "graph/memory_plan.h"

namespace hearth::cpu {
namespace {

using graph::kNone;
using graph::ValueId;
using graph::WeightId;

using BufferId = int;

struct Buffer {
  int64_t row_bytes = 0;
  int width = 0;
  graph::Rows rows = graph::Rows::kTokens;
  int64_t max_rows = 0;
  // A view: rows of `parent` from byte `parent_offset` on.
  BufferId parent = kNone;
  int64_t parent_offset = 0;
  // Filled when phases are known.
  int first_phase = -1, last_phase = -1;
  int64_t offset = -1;
};

enum class Split { kRows, kOther };

struct Draft {
  std::string name;
  Split split = Split::kRows;
  std::vector<BufferId> reads, writes;
  std::function<StepFn()> make;  // called when places are known
  int phase = 0;
  std::vector<Work> works;
};

constexpr int64_t align64(int64_t n) { return (n + 63) / 64 * 64; }

int64_t prepared_bytes(int width) {
  return int64_t{(width + kActBlock - 1) / kActBlock} * int64_t{sizeof(ActBlock)};
}

class Compiler {
 public:
  Compiler(const graph::Graph& graph, backend::Segment segment,
           const backend::ProgramOptions& options, const KernelTable& kernels)
      : g_(graph), segment_(segment), options_(options), k_(kernels) {}

  Result<CompiledProgram> compile() {
    add_value_buffers();
    for (i_node_ = segment_.begin; i_node_ < segment_.end; ++i_node_) {
      const graph::Node& node = g_.nodes()[static_cast<size_t>(i_node_)];
      const size_t n_before = drafts_.size();
      TRY(std::visit([&](const auto& op) { return expand(op, node.out); }, node.op));
      credit(n_before);
    }
    assign_phases();
    place_buffers();
    return finish();
  }

 private:
  // --- Buffers ---

  BufferId add_buffer(Buffer buffer) {
    buffers_.push_back(buffer);
    return static_cast<BufferId>(buffers_.size()) - 1;
  }

  int64_t max_rows(graph::Rows rows) const {
    return rows == graph::Rows::kTokens ? options_.max_tokens : options_.max_outputs;
  }

  // Buffer i is value i for all values of the graph.
  void add_value_buffers() {
    for (const graph::Value& value : g_.values()) {
      Buffer buffer{.row_bytes = graph::row_stride_bytes(value.width),
                    .width = value.width,
                    .rows = value.rows,
                    .max_rows = max_rows(value.rows)};
      const graph::Node& node = g_.nodes()[static_cast<size_t>(value.i_node)];
      if (const auto* slice = std::get_if<graph::Slice>(&node.op)) {
        buffer.parent = slice->x;
        buffer.parent_offset = int64_t{slice->begin} * int64_t{sizeof(float)};
        buffer.row_bytes = buffers_[static_cast<size_t>(slice->x)].row_bytes;
      }
      add_buffer(buffer);
    }
  }

  BufferId root(BufferId id) const {
    while (buffer(id).parent != kNone) id = buffer(id).parent;
    return id;
  }
  const Buffer& buffer(BufferId id) const { return buffers_[static_cast<size_t>(id)]; }

  // A place; only to be called from Draft::make, when offsets are known.
  Place place(BufferId id) const {
    if (id == kNone) return {};
    int64_t offset = 0;
    for (BufferId at = id; at != kNone; at = buffer(at).parent) {
      offset += buffer(at).parent == kNone ? buffer(at).offset : buffer(at).parent_offset;
    }
    return {offset, buffer(id).row_bytes, buffer(id).width, buffer(id).rows};
  }

  const float* floats(WeightId id) const {
    if (id == kNone) return nullptr;
    return reinterpret_cast<const float*>(g_.weight(id).data);
  }

  void draft(std::string name, Split split, std::vector<BufferId> reads,
             std::vector<BufferId> writes, std::function<StepFn()> make) {
    std::erase(reads, kNone);
    drafts_.push_back(
        {std::move(name), split, std::move(reads), std::move(writes), std::move(make), 0, {}});
  }

  // Counts the present node for the profile: to the last draft, which is the node's own product or,
  // where an earlier node's draft does its work too, that one; unless new drafts (from n_before on)
  // took parts of the node by themselves.
  void credit(size_t n_before) {
    const auto first = drafts_.begin() + static_cast<std::ptrdiff_t>(n_before);
    const bool is_split =
        std::any_of(first, drafts_.end(), [](const Draft& step) { return !step.works.empty(); });
    if (!is_split && !drafts_.empty()) drafts_.back().works.push_back({i_node_, kNone});
  }

  std::string name(ValueId id, std::string_view what = "") const {
    return what.empty() ? g_.value(id).name : fmt::format("{}.{}", g_.value(id).name, what);
  }

  // The prepared form of a value, made once however many products read it.
  Result<BufferId> prepared(ValueId x) {
    const auto known = prepared_.find(x);
    if (known != prepared_.end()) return known->second;
    if (g_.width(x) % 32 != 0) {
      return unsupported("'{}' has {} values, quantized products need a multiple of 32", name(x),
                         g_.width(x));
    }
    const BufferId id = add_buffer({.row_bytes = prepared_bytes(g_.width(x)),
                                    .width = g_.width(x),
                                    .rows = g_.value(x).rows,
                                    .max_rows = max_rows(g_.value(x).rows)});
    draft(name(x, "prepare"), Split::kRows, {x}, {id},
          [=, this] { return prepare_step(k_, place(x), place(id)); });
    prepared_[x] = id;
    return id;
  }

  // The form of x that products with this weight read.
  Result<BufferId> product_input(ValueId x, WeightId weight) {
    if (!takes_act_blocks(weight_of(g_.weight(weight).type))) return x;
    return prepared(x);
  }

  // --- One overload per op ---

  Status expand(const graph::Embed& op, ValueId out) {
    draft(name(out), Split::kRows, {}, {out},
          [=, this] { return embed_step(k_, g_.weight(op.table), op.scale, place(out)); });
    return {};
  }

  Status expand(const graph::EmbedPosition& op, ValueId out) {
    draft(name(out), Split::kRows, {}, {out}, [=, this] {
      return embed_position_step(k_, g_.weight(op.table), op.fixed_row, place(out));
    });
    return {};
  }

  Status expand(const graph::Norm& op, ValueId out) {
    draft(name(out), Split::kRows, {op.x}, {out}, [=, this] {
      return norm_step(k_, op, floats(op.weight), floats(op.bias), place(op.x), place(out));
    });
    return {};
  }

  Status expand(const graph::MatMul& op, ValueId out) {
    TRY_LET(const BufferId in, product_input(op.x, op.weight));
    draft(name(out), Split::kOther, {in}, {out}, [=, this] {
      return matmul_step(k_, g_.weight(op.weight), floats(op.bias), place(in), place(out));
    });
    return {};
  }

  Status expand(const graph::MatMulHeads& op, ValueId out) {
    const graph::WeightRef& weight = g_.weight(op.weight);
    const auto cols = static_cast<int>(weight.shape.cols());
    BufferId heads = kNone;
    if (op.transposed) {
      scratch_bytes_ = std::max(scratch_bytes_, align64(int64_t{cols} * int64_t{sizeof(float)}));
    } else if (takes_act_blocks(weight_of(weight.type))) {
      if (cols % 32 != 0) return unsupported("heads of {} values in '{}'", cols, weight.name);
      heads = add_buffer({.row_bytes = op.n_heads * prepared_bytes(cols),
                          .width = g_.width(op.x),
                          .rows = g_.value(op.x).rows,
                          .max_rows = max_rows(g_.value(op.x).rows)});
      draft(name(op.x, "prepare"), Split::kRows, {op.x}, {heads},
            [=, this] { return prepare_heads_step(k_, op.n_heads, place(op.x), place(heads)); });
    }
    draft(name(out), Split::kOther, {op.x, heads}, {out}, [=, this] {
      return matmul_heads_step(k_, op, g_.weight(op.weight), place(op.x), place(heads), place(out));
    });
    return {};
  }

  // cos and sin of every token, shared by all ropes with the same angles.
  BufferId angles(const graph::RopeSpec& spec, WeightId factors) {
    const auto key =
        std::tuple(spec.n_rot, spec.theta, spec.freq_scale, spec.ext_factor, spec.attn_factor,
                   spec.beta_fast, spec.beta_slow, spec.n_ctx_orig, factors);
    const auto known = angles_.find(key);
    if (known != angles_.end()) return known->second;
    const BufferId id = add_buffer({.row_bytes = graph::row_stride_bytes(spec.n_rot),
                                    .width = spec.n_rot,
                                    .rows = graph::Rows::kTokens,
                                    .max_rows = options_.max_tokens});
    std::vector<float> divisors;
    if (factors != kNone) divisors.assign(floats(factors), floats(factors) + spec.n_rot / 2);
    draft("angles", Split::kRows, {}, {id},
          [=, this] { return angles_step(graph::rope_table(spec, divisors), place(id)); });
    angles_[key] = id;
    return id;
  }

  Status expand(const graph::Rope& op, ValueId out) {
    const BufferId table = angles(op.spec, op.factors);
    draft(name(out), Split::kRows, {op.x, table}, {out},
          [=, this] { return rope_step(k_, op, place(op.x), place(table), place(out)); });
    return {};
  }

  Status expand(const graph::ScaleByPosition& op, ValueId out) {
    draft(name(out), Split::kRows, {op.x}, {out},
          [=, this] { return scale_by_position_step(k_, op, place(op.x), place(out)); });
    return {};
  }

  Status expand(const graph::Attention& op, ValueId out) {
    scratch_bytes_ = std::max(scratch_bytes_, align64(attention_scratch_bytes(op)));
    BufferId written = kNone;
    if (op.i_cache != kNone) {
      // Stands for the cache's rows in the order of steps; takes no memory.
      written = add_buffer({.max_rows = 0});
      draft(name(out, "write_kv"), Split::kRows, {op.k, op.v}, {written},
            [=, this] { return write_kv_step(k_, op, place(op.k), place(op.v)); });
    }
    draft(name(out), Split::kOther, {op.q, op.k, op.v, written}, {out}, [=, this] {
      return attention_step(k_, op, floats(op.sinks), place(op.q), place(op.k), place(op.v),
                            place(out));
    });
    return {};
  }

  Status expand(const graph::Add& op, ValueId out) {
    draft(name(out), Split::kRows, {op.a, op.b}, {out},
          [=, this] { return add_step(k_, place(op.a), place(op.b), place(out)); });
    return {};
  }

  Status expand(const graph::Scale& op, ValueId out) {
    draft(name(out), Split::kRows, {op.x}, {out},
          [=, this] { return scale_step(k_, op.factor, place(op.x), place(out)); });
    return {};
  }

  Status expand(const graph::SoftCap& op, ValueId out) {
    draft(name(out), Split::kRows, {op.x}, {out},
          [=, this] { return soft_cap_step(k_, op.cap, place(op.x), place(out)); });
    return {};
  }

  Status expand(const graph::Activate& op, ValueId out) {
    draft(name(out), Split::kRows, {op.gate, op.up}, {out},
          [=, this] { return activate_step(k_, op, place(op.gate), place(op.up), place(out)); });
    return {};
  }

  Status expand(const graph::Slice&, ValueId) { return {}; }  // a view: nothing to do

  Status expand(const graph::SliceHeads& op, ValueId out) {
    draft(name(out), Split::kRows, {op.x}, {out},
          [=, this] { return slice_heads_step(op, place(op.x), place(out)); });
    return {};
  }

  Status expand(const graph::ConcatHeads& op, ValueId out) {
    draft(name(out), Split::kRows, {op.a, op.b}, {out},
          [=, this] { return concat_heads_step(op, place(op.a), place(op.b), place(out)); });
    return {};
  }

  Status expand(const graph::GatherOutputs& op, ValueId out) {
    draft(name(out), Split::kOther, {op.x}, {out},
          [=, this] { return gather_outputs_step(place(op.x), place(out)); });
    return {};
  }

  Status expand(const graph::Route& op, ValueId out) {
    draft(name(out), Split::kRows, {op.logits}, {out}, [=, this] {
      return route_step(op, floats(op.select_bias), place(op.logits), place(out));
    });
    return {};
  }

  Status expand(const graph::Experts& op, ValueId out);

  // --- Phases and places ---

  void assign_phases() {
    // How each buffer was written in the present phase, if it was.
    std::map<BufferId, Split> written;
    int phase = 0;
    for (Draft& step : drafts_) {
      const bool wait = std::any_of(step.reads.begin(), step.reads.end(), [&](BufferId id) {
        const auto at = written.find(root(id));
        if (at == written.end()) return false;
        return at->second == Split::kOther || step.split == Split::kOther;
      });
      if (wait) {
        ++phase;
        written.clear();
      }
      step.phase = phase;
      for (const BufferId id : step.writes) {
        // Written in two ways within a phase: the stricter one counts.
        const auto [at, added] = written.emplace(root(id), step.split);
        if (!added && step.split == Split::kOther) at->second = Split::kOther;
      }
    }
    n_phases_ = phase + 1;
  }

  void live(BufferId id, int phase) {
    Buffer& b = buffers_[static_cast<size_t>(root(id))];
    b.first_phase = b.first_phase < 0 ? phase : std::min(b.first_phase, phase);
    b.last_phase = std::max(b.last_phase, phase);
  }

  void place_buffers() {
    for (const Draft& step : drafts_) {
      for (const BufferId id : step.reads) live(id, step.phase);
      for (const BufferId id : step.writes) live(id, step.phase);
    }
    // Imports live from the start; exports and the result to the end.
    for (size_t i = 0; i < g_.values().size(); ++i) {
      const auto id = static_cast<ValueId>(i);
      if (buffer(root(id)).first_phase < 0) continue;
      if (g_.value(id).i_node < segment_.begin) live(id, 0);
      if (is_export(id)) live(id, n_phases_);
    }
    std::vector<graph::Life> lives;
    std::vector<BufferId> owners;
    for (size_t i = 0; i < buffers_.size(); ++i) {
      const Buffer& b = buffers_[i];
      if (b.parent != kNone || b.first_phase < 0) continue;
      lives.push_back({b.first_phase, b.last_phase, b.row_bytes * b.max_rows});
      owners.push_back(static_cast<BufferId>(i));
    }
    const graph::Placement placement = graph::place(lives);
    for (size_t i = 0; i < owners.size(); ++i) {
      buffers_[static_cast<size_t>(owners[i])].offset = placement.offsets[i];
    }
    arena_bytes_ = placement.total_bytes;
  }

  bool is_export(ValueId id) const {
    if (id == g_.result()) return true;
    for (size_t i = static_cast<size_t>(segment_.end); i < g_.nodes().size(); ++i) {
      const auto reads = graph::inputs(g_.nodes()[i].op);
      if (std::find(reads.begin(), reads.end(), id) != reads.end()) return true;
    }
    return false;
  }

  CompiledProgram finish() {
    CompiledProgram program;
    for (const Draft& step : drafts_) {
      program.steps.push_back({step.name, step.phase, step.make(), step.works});
    }
    for (size_t i = 0; i < g_.values().size(); ++i) {
      const auto id = static_cast<ValueId>(i);
      program.values.push_back(buffer(root(id)).offset >= 0 ? place(id) : Place{});
    }
    program.arena_bytes = arena_bytes_;
    program.scratch_bytes_per_thread = scratch_bytes_;
    return program;
  }

  const graph::Graph& g_;
  const backend::Segment segment_;
  const backend::ProgramOptions options_;
  const KernelTable& k_;
  std::vector<Buffer> buffers_;
  std::vector<Draft> drafts_;
  std::map<ValueId, BufferId> prepared_;
  std::map<std::tuple<int, float, float, float, float, float, float, int, WeightId>, BufferId>
      angles_;
  int i_node_ = 0;  // the node being expanded
  int n_phases_ = 0;
  int64_t arena_bytes_ = 0;
  int64_t scratch_bytes_ = 64;
};

Status Compiler::expand(const graph::Experts& op, ValueId out) {
  const graph::WeightRef& gate_weight = g_.weight(op.gate);
  const auto n_experts = static_cast<int>(gate_weight.shape[0]);
  const auto width = static_cast<int>(gate_weight.shape[1]);
  const int64_t max_pairs = int64_t{options_.max_tokens} * op.top_k;
  const bool prepared_in = takes_act_blocks(weight_of(gate_weight.type));
  const bool prepared_hidden = takes_act_blocks(weight_of(g_.weight(op.down).type));
  if (takes_act_blocks(weight_of(g_.weight(op.up).type)) != prepared_in) {
    return unsupported("'{}' and '{}' mix float and quantized experts", gate_weight.name,
                       g_.weight(op.up).name);
  }
  if (prepared_hidden && width % 32 != 0) {
    return unsupported("'{}' has rows of {}, not a multiple of 32", g_.weight(op.down).name, width);
  }
  const auto pair_rows = [&](int n, int64_t bytes) {
    return add_buffer({.row_bytes = bytes, .width = n, .max_rows = max_pairs});
  };
  TRY_LET(const BufferId x, product_input(op.x, op.gate));
  const int64_t floats_bytes = graph::row_stride_bytes(width);
  const BufferId groups = add_buffer(
      {.row_bytes = expert_groups_bytes(n_experts, static_cast<int>(max_pairs)), .max_rows = 1});
  const BufferId gathered = pair_rows(g_.width(op.x), buffer(x).row_bytes);
  const BufferId gate = pair_rows(width, floats_bytes), up = pair_rows(width, floats_bytes);
  const BufferId hidden = pair_rows(width, floats_bytes);
  const BufferId hidden_prepared =
      prepared_hidden ? pair_rows(width, prepared_bytes(width)) : kNone;
  const BufferId down = pair_rows(g_.width(out), graph::row_stride_bytes(g_.width(out)));
  const auto places = [=, this] {
    return ExpertPlaces{place(op.x),
                        prepared_in ? place(x) : Place{},
                        place(op.route),
                        place(groups),
                        place(gathered),
                        place(gate),
                        place(up),
                        place(hidden),
                        place(hidden_prepared),
                        place(down),
                        place(out)};
  };
  draft(name(out, "group"), Split::kOther, {op.route}, {groups},
        [=, this] { return group_experts_step(n_experts, op.top_k, places()); });
  draft(name(out, "gather"), Split::kOther, {x, groups}, {gathered},
        [=, this] { return gather_experts_step(n_experts, op.top_k, prepared_in, places()); });
  const auto product = [&](std::string_view what, WeightId weight, WeightId bias, BufferId in,
                           BufferId to) {
    draft(name(out, what), Split::kOther, {in, groups}, {to}, [=, this] {
      return expert_product_step(k_, g_.weight(weight), floats(bias), op.top_k, place(groups),
                                 place(in), place(to));
    });
    drafts_.back().works.push_back({i_node_, weight});
  };
  product("gate", op.gate, op.gate_bias, gathered, gate);
  product("up", op.up, op.up_bias, gathered, up);
  std::vector<BufferId> written{hidden};
  if (prepared_hidden) written.push_back(hidden_prepared);
  draft(name(out, "act"), Split::kOther, {gate, up}, written,
        [=, this] { return expert_activate_step(k_, op, prepared_hidden, places()); });
  product("down", op.down, op.down_bias, prepared_hidden ? hidden_prepared : hidden, down);
  draft(name(out, "combine"), Split::kOther, {down, groups, op.route}, {out},
        [=, this] { return combine_experts_step(k_, n_experts, op.top_k, places()); });
  return {};
}

}  // namespace

Result<CompiledProgram> compile(const graph::Graph& graph, backend::Segment segment,
                                const backend::ProgramOptions& options,
                                const KernelTable& kernels) {
  return Compiler(graph, segment, options, kernels).compile();
}

}  // namespace hearth::cpu
