// SPDX-License-Identifier: MIT
// See model_graph.h. The order of a block is the same for every architecture; what differs is data.
#include "arch/model_graph.h"

#include <cmath>

#include "arch/blocks/attention.h"
#include "arch/blocks/dense.h"
#include "arch/blocks/mla.h"
#include "arch/blocks/moe.h"
#include "arch/builder.h"

namespace hearth::arch {
namespace {

bool is_moe_layer(const ArchSpec& spec, const HParams& hp, int layer) {
  return spec.moe && hp.E > 0 && layer >= hp.n_dense_first;
}

void add_norm_rows(const ArchSpec& spec, std::string name, std::string hf_name,
                   TensorTable& table) {
  table.add(name + ".weight", hf_name + ".weight", Role::kNorm, "D");
  if (spec.norm == NormKind::kLayer) {
    table.add(name + ".bias", hf_name + ".bias", Role::kNorm, "D", true);
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
              "Y, D");
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
  if (b.spec.embed.token_types) {
    const ValueId types =
        b.add_global(graph::EmbedPosition{b.global("token_types.weight"), 0}, "token_type");
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

ValueId build_head(Builder& b, ValueId x) {
  x = b.add_global(graph::GatherOutputs{x}, "outputs");
  if (b.spec.encoder) return x;
  x = b.global_norm(x, "output_norm");
  WeightId head = b.global_if("output.weight");
  if (head == kNone) head = b.global("token_embd.weight");
  x = b.add_global(graph::MatMul{x, head, b.global_if("output.bias")}, "logits");
  if (b.spec.soft_caps && b.hp.final_soft_cap > 0) {
    x = b.add_global(graph::SoftCap{x, b.hp.final_soft_cap}, "logits_capped");
  }
  return x;
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

Result<Bindings> bind(const TensorTable& table, const file::Gguf& file, graph::Graph& graph) {
  for (const file::GgufTensor& tensor : file.tensors()) {
    if (table.find(tensor.name) == nullptr) {
      return with_hint(unsupported("tensor '{}' {} is not part of this architecture", tensor.name,
                                   to_string(tensor.shape)),
                       "the file needs a newer hearth, or is not what its metadata says");
    }
  }
  Bindings bindings;
  for (const TensorRow& row : table.rows()) {
    const file::GgufTensor* tensor = file.find(row.name);
    if (tensor == nullptr) {
      if (row.optional) continue;
      return corrupt("tensor '{}' [{}] is missing", row.name, row.dims);
    }
    TRY(check_tensor(row, *tensor));
    bindings[row.name] =
        graph.add_weight({row.name, *tensor->type, row.shape, tensor->data.data()});
  }
  return bindings;
}

}  // namespace

TensorTable tensor_table(const ArchSpec& spec, const HParams& hp) {
  TensorTable table(hp);
  add_embedding_rows(spec, table);
  for (int layer = 0; layer < hp.L; ++layer) add_layer_rows(spec, hp, layer, table);
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
    return with_hint(unsupported("architecture '{}' is not known to hearth", *name), "it knows {}",
                     known);
  }
  TRY_LET(model.hparams, read_hparams(file.metadata(), *name));
  const TensorTable table = tensor_table(*model.spec, model.hparams);
  TRY_LET(const Bindings bindings, bind(table, file, model.graph));
  Builder b(*model.spec, model.hparams, bindings, n_ctx, model.graph);
  ValueId x = build_embedding(b);
  for (b.layer = 0; b.layer < model.hparams.L; ++b.layer) x = build_layer(b, x);
  model.graph.set_result(build_head(b, x));
  return model;
}

}  // namespace hearth::arch
