// SPDX-License-Identifier: MIT
// See model_graph.h. The order of a block is the same for every architecture; what differs is data.
#include "arch/model_graph.h"

#include <fmt/ranges.h>

#include <charconv>
#include <cmath>
#include <set>

#include "arch/blocks/attention.h"
#include "arch/blocks/dense.h"
#include "arch/blocks/mla.h"
#include "arch/blocks/moe.h"
#include "arch/blocks/rank.h"
#include "arch/builder.h"
#include "base/quote.h"

namespace hearth::arch {
namespace {

bool is_moe_layer(const ArchSpec& spec, const HParams& hp, int layer) {
  return spec.moe && hp.E > 0 && layer >= hp.n_dense_first;
}

void add_norm_rows(const ArchSpec& spec, std::string name, std::string hf_name,
                   TensorTable& table) {
  table.add(name + ".weight", hf_name + ".weight", Role::kNorm, "D");
  if (spec.norm == NormKind::kLayer) {
    table.add(name + ".bias", hf_name + ".bias", Role::kNorm, "D");
  }
}

void add_embedding_rows(const ArchSpec& spec, TensorTable& table) {
  table.add("token_embd.weight", "model.embed_tokens.weight", Role::kEmbedding, "V, D");
  if (spec.embed.learned_positions) {
    table.add("position_embd.weight", "embeddings.position_embeddings.weight", Role::kEmbedding,
              "P, D");
  }
  if (spec.embed.token_types) {
    table.add("token_types.weight", "embeddings.token_type_embeddings.weight", Role::kEmbedding,
              "Y, D", true);
  }
  if (spec.embed.norm) {
    add_norm_rows(spec, "token_embd_norm", "embeddings.LayerNorm", table);
  }
}

void add_layer_rows(const ArchSpec& spec, const HParams& hp, int layer, TensorTable& table) {
  const std::string name = fmt::format("blk.{}.", layer);
  const std::string hf = fmt::format("model.layers.{}.", layer);
  if (spec.norms.before) {
    add_norm_rows(spec, name + "attn_norm", hf + "input_layernorm", table);
    const bool post_named = spec.norms.branch;
    add_norm_rows(spec, name + std::string(spec.ffn_norm),
                  hf + (post_named ? "pre_feedforward_layernorm" : "post_attention_layernorm"),
                  table);
  }
  if (spec.norms.branch) {
    add_norm_rows(spec, name + "post_attention_norm", hf + "post_attention_layernorm", table);
    add_norm_rows(spec, name + "post_ffw_norm", hf + "post_feedforward_layernorm", table);
  }
  if (spec.norms.after) {
    add_norm_rows(spec, name + "attn_output_norm", hf + "attention.output.LayerNorm", table);
    add_norm_rows(spec, name + "layer_output_norm", hf + "output.LayerNorm", table);
  }
  if (const auto* attention = std::get_if<Attention>(&spec.attention)) {
    add_attention_rows(*attention, hp, layer, table);
  } else {
    add_mla_rows(hp, layer, table);
  }
  if (is_moe_layer(spec, hp, layer)) {
    add_moe_rows(*spec.moe, hp, layer, table);
  } else {
    add_dense_rows(spec.ffn, layer, table);
  }
}

ValueId build_embedding(Builder& b) {
  const HParams& hp = b.hp;
  const float scale = b.spec.embed.scale_by_sqrt_d ? std::sqrt(static_cast<float>(hp.D)) : 1.0f;
  ValueId x = b.add_global(graph::Embed{b.global("token_embd.weight"), scale}, "embed");
  if (const WeightId table = b.global_if("token_types.weight"); table != kNone) {
    const ValueId types = b.add_global(graph::EmbedSegment{table}, "token_type");
    x = b.add_global(graph::Add{x, types}, "embed_typed");
  }
  if (b.spec.embed.learned_positions) {
    const ValueId positions =
        b.add_global(graph::EmbedPosition{b.global("position_embd.weight")}, "position");
    x = b.add_global(graph::Add{x, positions}, "embed_placed");
  }
  if (b.spec.embed.norm) x = b.global_norm(x, "token_embd_norm");
  return x;
}

ValueId build_layer(Builder& b, ValueId x) {
  const HParams& hp = b.hp;
  const ArchSpec& spec = b.spec;
  const auto attention_branch = [&](ValueId in) {
    const auto* attention = std::get_if<Attention>(&spec.attention);
    return attention != nullptr ? build_attention(b, *attention, in)
                                : build_mla(b, std::get<Mla>(spec.attention), in);
  };
  const auto ffn_branch = [&](ValueId in) {
    return is_moe_layer(spec, hp, b.layer) ? build_moe(b, *spec.moe, in)
                                           : build_dense(b, spec.ffn, in);
  };
  const auto residual = [&](ValueId in, ValueId added, std::string_view name) {
    return b.add(graph::Add{in, added}, name);
  };
  ValueId branch = spec.norms.before ? b.norm(x, "attn_norm", hp.D) : x;
  branch = attention_branch(branch);
  if (spec.norms.branch) branch = b.norm(branch, "post_attention_norm", hp.D);
  x = residual(x, branch, "attn_residual");
  if (spec.norms.after) x = b.norm(x, "attn_output_norm", hp.D);

  branch = spec.norms.before ? b.norm(x, spec.ffn_norm, hp.D) : x;
  branch = ffn_branch(branch);
  if (spec.norms.branch) branch = b.norm(branch, "post_ffw_norm", hp.D);
  x = residual(x, branch, "ffn_residual");
  if (spec.norms.after) x = b.norm(x, "layer_output_norm", hp.D);
  return x;
}

ValueId build_head(Builder& b, RankHead rank_head, ValueId x) {
  x = b.add_global(graph::GatherOutputs{x}, "outputs");
  if (gives_scores(rank_head)) return build_rank(b, x);
  if (b.spec.encoder) return x;
  x = b.global_norm(x, "output_norm");
  WeightId head = b.global_if("output.weight");
  if (head == kNone) head = b.global("token_embd.weight");
  x = b.add_global(graph::MatMul{x, head, b.global_if("output.bias")}, "logits");
  if (const float cap = b.cap(b.hp.final_soft_cap, &SoftCaps::logits); cap > 0) {
    x = b.add_global(graph::SoftCap{x, cap}, "logits_capped");
  }
  return x;
}

// No dimension may be missing from the metadata or too large for an int.
Status check_dims(const TensorRow& row, std::string_view arch) {
  constexpr int64_t kMaxDim = int64_t{1} << 26;
  for (int i = 0; i < row.shape.rank; ++i) {
    if (row.shape[i] > kMaxDim) {
      return corrupt("tensor '{}' [{}] would be {}: too large", row.name, row.dims,
                     to_string(row.shape));
    }
    if (row.shape[i] > 0) continue;
    for (const char letter : row.dims) {
      const std::string_view key = dim_key(letter);
      if (!key.empty()) {
        return corrupt("tensor '{}' [{}] would be empty: {}.{} is missing or too small", row.name,
                       row.dims, arch, key);
      }
    }
  }
  return {};
}

Status check_tensor(const TensorRow& row, const file::GgufTensor& tensor) {
  if (!tensor.type) {
    return unsupported("tensor '{}' has the format {}, which hearth cannot run yet", row.name,
                       gguf_type_name(tensor.gguf_type));
  }
  // Expert and head stacks may be stored flat or with their own dimension; a vector may carry ones.
  if (tensor.shape.elements() != row.shape.elements() || tensor.shape.cols() != row.shape.cols()) {
    return corrupt("tensor '{}' is {}, the model needs [{}] = {}", row.name,
                   to_string(tensor.shape), row.dims, to_string(row.shape));
  }
  const bool small = row.role == Role::kNorm || row.role == Role::kBias || row.role == Role::kTable;
  if (small && tensor.type != DType::kF32) {
    return unsupported("tensor '{}' has the format {}, it must be f32", row.name,
                       info(*tensor.type).name);
  }
  return {};
}

// Whether the tensor belongs to a layer that hearth does not run: see HParams::n_nextn.
bool is_of_nextn_layer(std::string_view name, const HParams& hp) {
  if (!name.starts_with("blk.")) return false;
  int layer = 0;
  std::from_chars(name.data() + 4, name.data() + name.size(), layer);
  return layer >= hp.L && layer < hp.L + hp.n_nextn;
}

Status check_unknown(const TensorTable& table, const HParams& hp, const file::Gguf& file) {
  for (const file::GgufTensor& tensor : file.tensors()) {
    if (table.find(tensor.name) != nullptr || is_of_nextn_layer(tensor.name, hp)) continue;
    return with_hint(unsupported("tensor {} {} is not part of this architecture",
                                 quote(tensor.name), to_string(tensor.shape)),
                     "the file needs a newer hearth, or is not what its metadata says");
  }
  return {};
}

Status check_choice(const Choice& choice, const file::Gguf& file) {
  std::set<std::string> present;
  for (const auto& names : choice) {
    for (const std::string& name : names) {
      if (file.find(name) != nullptr) present.insert(name);
    }
  }
  for (const auto& names : choice) {
    if (std::set<std::string>(names.begin(), names.end()) == present) return {};
  }
  std::string ways;
  for (const auto& names : choice) {
    if (names.empty()) continue;
    ways += fmt::format("{}'{}'", ways.empty() ? "" : " or ", fmt::join(names, "' and '"));
  }
  if (present.empty()) return corrupt("the file needs {}, it has none of them", ways);
  return corrupt("the file needs {}, it has '{}'", ways, fmt::join(present, "' and '"));
}

Result<Bindings> bind(const TensorTable& table, std::string_view arch, const file::Gguf& file,
                      graph::Graph& graph) {
  Bindings bindings;
  for (const TensorRow& row : table.rows()) {
    const file::GgufTensor* tensor = file.find(row.name);
    if (tensor == nullptr && row.optional) continue;
    TRY(check_dims(row, arch));
    if (tensor == nullptr) return corrupt("tensor '{}' [{}] is missing", row.name, row.dims);
    TRY(check_tensor(row, *tensor));
    bindings[row.name] =
        graph.add_weight({row.name, *tensor->type, row.shape, tensor->data.data()});
  }
  for (const Choice& choice : table.choices()) TRY(check_choice(choice, file));
  return bindings;
}

Status check_supported(const ArchSpec& spec, const HParams& hp) {
  if (hp.causal && *hp.causal == spec.encoder) {
    return unsupported("{}.attention.causal is {}, which hearth cannot run for this architecture",
                       spec.name, *hp.causal);
  }
  return {};
}

std::vector<std::string> left_out(const ArchSpec& spec, const HParams& hp, RankHead rank_head) {
  std::vector<std::string> notes;
  if (!spec.window && hp.window > 0) {
    notes.push_back(
        fmt::format("the file names a sliding window of {} positions; {} models are run without it",
                    hp.window, spec.name));
  }
  if (hp.n_nextn > 0) {
    notes.push_back(
        fmt::format("the layers that only predict further tokens ({}) are not used", hp.n_nextn));
  }
  if (rank_head == RankHead::kWithoutPooler) notes.emplace_back(kNoPoolerNote);
  if (rank_head == RankHead::kUnused) {
    notes.push_back(fmt::format(
        "the file's head for scores (cls.output) is not used: {}.pooling_type asks for vectors",
        spec.name));
  }
  return notes;
}

}  // namespace

TensorTable tensor_table(const ArchSpec& spec, const HParams& hp) {
  TensorTable table(hp, !spec.encoder);
  add_embedding_rows(spec, table);
  for (int layer = 0; layer < hp.L; ++layer) add_layer_rows(spec, hp, layer, table);
  if (spec.ranks) add_rank_rows(hp, table);
  if (!spec.encoder) {
    add_norm_rows(spec, "output_norm", "model.norm", table);
    table.add("output.weight", "lm_head.weight", Role::kOutput, "V, D", true);
    table.add("output.bias", "lm_head.bias", Role::kBias, "V", true);
  }
  return table;
}

const ArchSpec* find_architecture(std::string_view name) {
  for (const ArchSpec& spec : all_architectures()) {
    if (spec.name == name) return &spec;
  }
  return nullptr;
}

Result<ModelGraph> build_model(const file::Gguf& file, int n_ctx) {
  const auto name = file.metadata().text("general.architecture");
  if (!name) return corrupt("the metadata has no 'general.architecture'");
  ModelGraph model;
  model.spec = find_architecture(*name);
  if (model.spec == nullptr) {
    std::string known;
    for (const ArchSpec& spec : all_architectures()) {
      known += fmt::format("{}{}", known.empty() ? "" : ", ", spec.name);
    }
    return with_hint(unsupported("architecture {} is not known to hearth", quote(*name)),
                     "it knows {}", known);
  }
  TRY_LET(model.hparams, read_hparams(file.metadata(), *name));
  TRY(check_supported(*model.spec, model.hparams));
  if (model.spec->ranks) {
    TRY_LET(model.rank_head, find_rank_head(model.hparams, file));
  }
  model.notes = left_out(*model.spec, model.hparams, model.rank_head);
  const TensorTable table = tensor_table(*model.spec, model.hparams);
  TRY(check_unknown(table, model.hparams, file));
  TRY_LET(const Bindings bindings, bind(table, *name, file, model.graph));
  Builder b(*model.spec, model.hparams, bindings, n_ctx > 0 ? n_ctx : model.hparams.P, model.graph);
  ValueId x = build_embedding(b);
  for (b.layer = 0; b.layer < model.hparams.L; ++b.layer) x = build_layer(b, x);
  model.graph.set_result(build_head(b, model.rank_head, x));
  return model;
}

}  // namespace hearth::arch
