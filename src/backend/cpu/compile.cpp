// SPDX-License-Identifier: MIT
// See compile.h. Each node is expanded to drafts: which buffers a step reads and writes and how its
// work may be divided. schedule.cpp puts them into phases and places the buffers.
#include "backend/cpu/compile.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "backend/cpu/attention_chunks.h"
#include "backend/cpu/draft.h"
#include "graph/memory_plan.h"

namespace hearth::cpu {
namespace {

using graph::kNone;
using graph::ValueId;
using graph::WeightId;

// Rows up to which doing all of them on every thread costs less than waiting for one another.
constexpr int kFewRows = 4;

constexpr int64_t align64(int64_t n) { return (n + 63) / 64 * 64; }

int64_t prepared_bytes(int width) {
  return int64_t{(width + kActBlock - 1) / kActBlock} * int64_t{sizeof(ActBlock)};
}

class Compiler {
 public:
  Compiler(const graph::Graph& graph, backend::Segment segment,
           const backend::ProgramOptions& options, const KernelTable& kernels, Plan plan)
      : g_(graph), segment_(segment), options_(options), k_(kernels), plan_(plan) {}

  Result<Schedule> compile() {
    add_value_buffers();
    for (i_node_ = segment_.begin; i_node_ < segment_.end; ++i_node_) {
      const graph::Node& node = g_.nodes()[static_cast<size_t>(i_node_)];
      const size_t n_before = drafts_.steps.size();
      TRY(std::visit([&](const auto& op) { return expand(op, node.out); }, node.op));
      credit(n_before);
    }
    return schedule(drafts_, g_.values().size(), plan_);
  }

  int64_t scratch_bytes() const { return drafts_.scratch_bytes; }
  int64_t partial_bytes() const { return drafts_.partial_bytes; }

 private:
  // --- Buffers ---

  BufferId add_buffer(Buffer buffer) {
    drafts_.buffers.push_back(buffer);
    return static_cast<BufferId>(drafts_.buffers.size()) - 1;
  }
  const Buffer& buffer(BufferId id) const { return drafts_.buffer(id); }
  Place place(BufferId id) const { return drafts_.place(id); }

  // Of any batch, and of one that this plan serves.
  int64_t whole_rows(graph::Rows rows) const {
    return rows == graph::Rows::kTokens ? options_.max_tokens : options_.max_outputs;
  }
  int64_t max_rows(graph::Rows rows) const {
    return plan_ == Plan::kMany ? whole_rows(rows) : std::min<int64_t>(whole_rows(rows), kFewRows);
  }

  // `times` rows for each row of a value.
  BufferId add_rows(graph::Rows rows, int width, int64_t row_bytes, int times = 1) {
    return add_buffer({.row_bytes = row_bytes,
                       .width = width,
                       .rows = rows,
                       .times = times,
                       .max_rows = max_rows(rows) * times});
  }

  // Buffer i is value i for all values of the graph.
  void add_value_buffers() {
    for (size_t i = 0; i < g_.values().size(); ++i) {
      const graph::Value& value = g_.values()[i];
      Buffer buffer{.row_bytes = graph::row_stride_bytes(value.width),
                    .width = value.width,
                    .rows = value.rows,
                    .max_rows = max_rows(value.rows)};
      const graph::Node& node = g_.nodes()[static_cast<size_t>(value.i_node)];
      if (const auto* slice = std::get_if<graph::Slice>(&node.op)) {
        buffer.parent = slice->x;
        buffer.parent_offset = int64_t{slice->begin} * int64_t{sizeof(float)};
        buffer.row_bytes = drafts_.buffer(slice->x).row_bytes;
      }
      buffer.exported = is_export(static_cast<ValueId>(i));
      add_buffer(buffer);
    }
    for (int i = segment_.begin; i < segment_.end; ++i) {
      for (const ValueId id : graph::inputs(g_.nodes()[static_cast<size_t>(i)].op)) {
        if (g_.value(id).i_node >= segment_.begin) continue;
        Buffer& import = drafts_.buffers[static_cast<size_t>(drafts_.root(id))];
        import.imported = true;
        import.max_rows = whole_rows(import.rows);
      }
    }
  }

  bool is_export(ValueId id) const {
    if (id == g_.result()) return true;
    for (size_t i = static_cast<size_t>(segment_.end); i < g_.nodes().size(); ++i) {
      const auto reads = graph::inputs(g_.nodes()[i].op);
      if (std::find(reads.begin(), reads.end(), id) != reads.end()) return true;
    }
    return false;
  }

  const float* floats(WeightId id) const {
    if (id == kNone) return nullptr;
    return reinterpret_cast<const float*>(g_.weight(id).data);
  }

  void draft(std::string name, By by, std::vector<BufferId> reads, std::vector<BufferId> writes,
             std::function<StepFn(Share)> make) {
    std::erase(reads, kNone);
    drafts_.steps.push_back({.name = std::move(name),
                             .by = by,
                             .reads = std::move(reads),
                             .writes = std::move(writes),
                             .make = std::move(make)});
  }

  // Counts a part of the present node for the profile to the last draft: the products of one
  // weight, or all of it.
  void count_last(WeightId weight = kNone) {
    drafts_.steps.back().works.push_back({i_node_, weight});
  }

  // Counts the present node for the profile: to the last draft, which is the node's own product or,
  // where an earlier node's draft does its work too, that one; unless new drafts (from n_before on)
  // took parts of the node by themselves.
  void credit(size_t n_before) {
    const auto first = drafts_.steps.begin() + static_cast<std::ptrdiff_t>(n_before);
    const bool is_split = std::any_of(first, drafts_.steps.end(),
                                      [](const Draft& step) { return !step.works.empty(); });
    if (!is_split && !drafts_.steps.empty()) count_last();
  }

  std::string name(ValueId id, std::string_view what = "") const {
    return what.empty() ? g_.value(id).name : fmt::format("{}.{}", g_.value(id).name, what);
  }

  // The form that the rows of a value take for a product with whole weights: rows of outputs are
  // few.
  Form form_of(ValueId x) const {
    return g_.value(x).rows == graph::Rows::kTokens ? Form::kByRole : Form::kExact;
  }

  // The prepared form of a value, made once however many products read it.
  Result<BufferId> prepared(ValueId x, Form form) {
    const auto known = prepared_.find({x, form});
    if (known != prepared_.end()) return known->second;
    if (g_.width(x) % 32 != 0) {
      return unsupported("'{}' has {} values, quantized products need a multiple of 32", name(x),
                         g_.width(x));
    }
    const BufferId id = add_rows(g_.value(x).rows, g_.width(x), prepared_bytes(g_.width(x)));
    draft(name(x, "prepare"), By::kRows, {x}, {id},
          [=, this](Share) { return prepare_step(k_, form, place(x), place(id)); });
    prepared_[{x, form}] = id;
    return id;
  }

  // The form of x that products with this weight read.
  Result<BufferId> product_input(ValueId x, WeightId weight, Form form) {
    if (!takes_act_blocks(weight_of(g_.weight(weight).type))) return x;
    return prepared(x, form);
  }

  // --- One overload per op ---

  Status expand(const graph::Embed& op, ValueId out) {
    draft(name(out), By::kRows, {}, {out},
          [=, this](Share) { return embed_step(k_, g_.weight(op.table), op.scale, place(out)); });
    return {};
  }

  Status expand(const graph::EmbedPosition& op, ValueId out) {
    draft(name(out), By::kRows, {}, {out}, [=, this](Share) {
      return embed_row_step(k_, g_.weight(op.table), &backend::Batch::positions, place(out));
    });
    return {};
  }

  Status expand(const graph::EmbedSegment& op, ValueId out) {
    draft(name(out), By::kRows, {}, {out}, [=, this](Share) {
      return embed_row_step(k_, g_.weight(op.table), &backend::Batch::segments, place(out));
    });
    return {};
  }

  Status expand(const graph::Norm& op, ValueId out) {
    draft(name(out), By::kRows, {op.x}, {out}, [=, this](Share) {
      return norm_step(k_, op, floats(op.weight), floats(op.bias), place(op.x), place(out));
    });
    return {};
  }

  Status expand(const graph::MatMul& op, ValueId out) {
    const bool quantized = takes_act_blocks(weight_of(g_.weight(op.weight).type));
    const Form form = quantized ? form_of(op.x) : Form::kExact;
    TRY_LET(const BufferId in, product_input(op.x, op.weight, form));
    draft(name(out), By::kColumns, {in}, {out}, [=, this](Share) {
      return matmul_step(k_, form, g_.weight(op.weight), floats(op.bias), place(in), place(out));
    });
    return {};
  }

  Status expand(const graph::MatMulHeads& op, ValueId out) {
    const graph::WeightRef& weight = g_.weight(op.weight);
    const auto cols = static_cast<int>(weight.shape.cols());
    BufferId heads = kNone;
    if (op.transposed) {
      drafts_.scratch_bytes =
          std::max(drafts_.scratch_bytes, align64(int64_t{cols} * int64_t{sizeof(float)}));
    } else if (takes_act_blocks(weight_of(weight.type))) {
      if (cols % 32 != 0) return unsupported("heads of {} values in '{}'", cols, weight.name);
      heads = add_rows(g_.value(op.x).rows, g_.width(op.x), op.n_heads * prepared_bytes(cols));
      draft(name(op.x, "prepare"), By::kRows, {op.x}, {heads}, [=, this](Share) {
        return prepare_heads_step(k_, op.n_heads, place(op.x), place(heads));
      });
    }
    draft(name(out), By::kOther, {op.x, heads}, {out}, [=, this](Share) {
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
    const BufferId id =
        add_rows(graph::Rows::kTokens, spec.n_rot, graph::row_stride_bytes(spec.n_rot));
    std::vector<float> divisors;
    if (factors != kNone) divisors.assign(floats(factors), floats(factors) + spec.n_rot / 2);
    draft("angles", By::kRows, {}, {id},
          [=, this](Share) { return angles_step(graph::rope_table(spec, divisors), place(id)); });
    angles_[key] = id;
    return id;
  }

  Status expand(const graph::Rope& op, ValueId out) {
    const BufferId table = angles(op.spec, op.factors);
    draft(name(out), By::kRows, {op.x, table}, {out},
          [=, this](Share) { return rope_step(k_, op, place(op.x), place(table), place(out)); });
    return {};
  }

  Status expand(const graph::ScaleByPosition& op, ValueId out) {
    draft(name(out), By::kRows, {op.x}, {out},
          [=, this](Share) { return scale_by_position_step(k_, op, place(op.x), place(out)); });
    return {};
  }

  Status expand(const graph::Attention& op, ValueId out) {
    drafts_.scratch_bytes = std::max(drafts_.scratch_bytes, align64(attention_scratch_bytes(op)));
    BufferId written = kNone;
    if (op.i_cache != kNone) {
      // Stands for the cache's rows in the order of steps.
      written = add_buffer({});
      const By by = plan_ == Plan::kMany ? By::kRows : By::kOther;
      draft(name(out, "write_kv"), by, {op.k, op.v}, {written},
            [=, this](Share) { return write_kv_step(k_, op, place(op.k), place(op.v)); });
    }
    const auto places = [=, this] {
      return AttentionPlaces{place(op.q), place(op.k), place(op.v), place(out)};
    };
    const std::vector<BufferId> reads{op.q, op.k, op.v, written};
    if (plan_ == Plan::kMany) {
      draft(name(out), By::kOther, reads, {out},
            [=, this](Share) { return attention_step(k_, op, floats(op.sinks), places()); });
      return {};
    }
    if (partials_ == kNone) partials_ = add_buffer({});
    drafts_.partial_bytes = std::max(drafts_.partial_bytes, attention_partial_bytes(op));
    draft(name(out, "chunks"), By::kOther, reads, {partials_},
          [=, this](Share) { return attention_chunks_step(k_, op, places()); });
    count_last();
    draft(name(out), By::kRows, {partials_}, {out},
          [=, this](Share) { return attention_merge_step(k_, op, floats(op.sinks), place(out)); });
    return {};
  }

  Status expand(const graph::Add& op, ValueId out) {
    draft(name(out), By::kValues, {op.a, op.b}, {out}, [=, this](Share share) {
      return add_step(k_, place(op.a), place(op.b), place(out), share);
    });
    return {};
  }

  Status expand(const graph::Scale& op, ValueId out) {
    draft(name(out), By::kValues, {op.x}, {out}, [=, this](Share share) {
      return scale_step(k_, op.factor, place(op.x), place(out), share);
    });
    return {};
  }

  Status expand(const graph::SoftCap& op, ValueId out) {
    draft(name(out), By::kValues, {op.x}, {out}, [=, this](Share share) {
      return soft_cap_step(k_, op.cap, place(op.x), place(out), share);
    });
    return {};
  }

  Status expand(const graph::Activate& op, ValueId out) {
    draft(name(out), By::kValues, {op.gate, op.up}, {out}, [=, this](Share share) {
      return activate_step(k_, op, place(op.gate), place(op.up), place(out), share);
    });
    return {};
  }

  Status expand(const graph::Slice&, ValueId) { return {}; }  // a view: nothing to do

  Status expand(const graph::SliceHeads& op, ValueId out) {
    draft(name(out), By::kRows, {op.x}, {out},
          [=, this](Share) { return slice_heads_step(op, place(op.x), place(out)); });
    return {};
  }

  Status expand(const graph::ConcatHeads& op, ValueId out) {
    draft(name(out), By::kRows, {op.a, op.b}, {out},
          [=, this](Share) { return concat_heads_step(op, place(op.a), place(op.b), place(out)); });
    return {};
  }

  Status expand(const graph::GatherOutputs& op, ValueId out) {
    draft(name(out), By::kRows, {op.x}, {out},
          [=, this](Share) { return gather_outputs_step(place(op.x), place(out)); });
    return {};
  }

  Status expand(const graph::Route& op, ValueId out) {
    draft(name(out), By::kRows, {op.logits}, {out}, [=, this](Share) {
      return route_step(op, floats(op.select_bias), place(op.logits), place(out));
    });
    return {};
  }

  Status expand(const graph::Experts& op, ValueId out);

  const graph::Graph& g_;
  const backend::Segment segment_;
  const backend::ProgramOptions options_;
  const KernelTable& k_;
  const Plan plan_;
  Drafts drafts_;
  std::map<std::pair<ValueId, Form>, BufferId> prepared_;
  std::map<std::tuple<int, float, float, float, float, float, float, int, WeightId>, BufferId>
      angles_;
  int i_node_ = 0;             // the node being expanded
  BufferId partials_ = kNone;  // stands for Frame::partials
};

Status Compiler::expand(const graph::Experts& op, ValueId out) {
  const graph::WeightRef& gate_weight = g_.weight(op.gate);
  const auto n_experts = static_cast<int>(gate_weight.shape[0]);
  const auto width = static_cast<int>(gate_weight.shape[1]);
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
    return add_rows(graph::Rows::kTokens, n, bytes, op.top_k);
  };
  TRY_LET(const BufferId x, product_input(op.x, op.gate, Form::kExact));
  const int64_t floats_bytes = graph::row_stride_bytes(width);
  const int64_t max_pairs = max_rows(graph::Rows::kTokens) * op.top_k;
  const BufferId groups = add_buffer(
      {.row_bytes = expert_groups_bytes(n_experts, static_cast<int>(max_pairs)), .max_rows = 1});
  const BufferId gathered = pair_rows(g_.width(op.x), buffer(x).row_bytes);
  const BufferId gate = pair_rows(width, floats_bytes), up = pair_rows(width, floats_bytes);
  const BufferId hidden = pair_rows(width, floats_bytes);
  const BufferId down = pair_rows(g_.width(out), graph::row_stride_bytes(g_.width(out)));
  draft(name(out, "group"), By::kOnce, {op.route}, {groups}, [=, this](Share) {
    return group_experts_step(n_experts, op.top_k, place(op.route), place(groups));
  });
  draft(name(out, "gather"), By::kRows, {x, groups}, {gathered}, [=, this](Share) {
    return gather_experts_step(n_experts, op.top_k, place(x), place(groups), place(gathered));
  });
  const auto product = [&](std::string_view what, WeightId weight, WeightId bias, BufferId in,
                           BufferId to) {
    draft(name(out, what), By::kColumns, {in, groups}, {to}, [=, this](Share) {
      return expert_product_step(k_, g_.weight(weight), floats(bias), op.top_k, place(groups),
                                 place(in), place(to));
    });
    count_last(weight);
  };
  product("gate", op.gate, op.gate_bias, gathered, gate);
  product("up", op.up, op.up_bias, gathered, up);
  const graph::Activate act{
      .gate = gate, .up = up, .act = op.act, .alpha = op.alpha, .limit = op.limit};
  draft(name(out, "act"), By::kValues, {gate, up}, {hidden}, [=, this](Share share) {
    return activate_step(k_, act, place(gate), place(up), place(hidden), share);
  });
  BufferId down_in = hidden;
  if (prepared_hidden) {
    down_in = pair_rows(width, prepared_bytes(width));
    draft(name(out, "prepare"), By::kRows, {hidden}, {down_in}, [=, this](Share) {
      return prepare_step(k_, Form::kExact, place(hidden), place(down_in));
    });
  }
  product("down", op.down, op.down_bias, down_in, down);
  draft(name(out, "combine"), By::kValues, {down, groups, op.route}, {out}, [=, this](Share share) {
    return combine_experts_step(k_, n_experts, op.top_k, place(op.route), place(groups),
                                place(down), place(out), share);
  });
  return {};
}

}  // namespace

Result<CompiledProgram> compile(const graph::Graph& graph, backend::Segment segment,
                                const backend::ProgramOptions& options, const KernelTable& kernels,
                                int n_threads) {
  CompiledProgram program;
  const auto add = [&](Plan plan) -> Status {
    Compiler compiler(graph, segment, options, kernels, plan);
    TRY_LET(program.schedules.emplace_back(), compiler.compile());
    program.scratch_bytes_per_thread =
        std::max(program.scratch_bytes_per_thread, compiler.scratch_bytes());
    program.partial_bytes = std::max(program.partial_bytes, compiler.partial_bytes());
    return {};
  };
  TRY(add(Plan::kMany));
  // One thread waits for nobody.
  if (n_threads > 1) {
    TRY(add(Plan::kFew));
    program.few_rows = kFewRows;
  }
  return program;
}

}  // namespace hearth::cpu
