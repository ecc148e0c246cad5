// SPDX-License-Identifier: MIT
// One table of keys: where each number of HParams stands in a GGUF file, and what holds where the
// file says nothing. Source: the GGUF specification, sections on LLM, attention, rope and experts.
#include "arch/hparams.h"

#include <algorithm>
#include <cmath>

namespace hearth::arch {
namespace {

constexpr int64_t kMaxDim = int64_t{1} << 24;
constexpr int kMaxLayers = 4096;

enum class Need { kRequired, kOptional };

struct IntRow {
  int HParams::*field;
  std::string_view key;
  Need need = Need::kOptional;
  int64_t min = 0;
  int64_t max = kMaxDim;
};

// Dimensions that follow from others are completed in derive().
constexpr IntRow kInts[] = {
    {&HParams::L, "block_count", Need::kRequired, 1, kMaxLayers},
    {&HParams::D, "embedding_length", Need::kRequired, 1},
    {&HParams::P, "context_length", Need::kRequired, 1, int64_t{1} << 30},
    {&HParams::H, "attention.head_count", Need::kRequired, 1, 65536},
    {&HParams::G, "attention.head_count_kv", Need::kOptional, 1, 65536},
    {&HParams::K, "attention.key_length", Need::kOptional, 1, 65536},
    {&HParams::W, "attention.value_length", Need::kOptional, 1, 65536},
    {&HParams::R, "rope.dimension_count", Need::kOptional, 0, 65536},
    {&HParams::F, "feed_forward_length", Need::kOptional, 0},
    {&HParams::V, "vocab_size", Need::kOptional, 1},
    {&HParams::E, "expert_count", Need::kOptional, 0, 65536},
    {&HParams::X, "expert_feed_forward_length", Need::kOptional, 1},
    {&HParams::Z, "expert_shared_feed_forward_length", Need::kOptional, 0},
    {&HParams::Q, "attention.q_lora_rank", Need::kOptional, 0},
    {&HParams::C, "attention.kv_lora_rank", Need::kOptional, 1},
    {&HParams::top_k, "expert_used_count", Need::kOptional, 0, 65536},
    {&HParams::n_dense_first, "leading_dense_block_count", Need::kOptional, 0, kMaxLayers},
    {&HParams::n_shared_experts, "expert_shared_count", Need::kOptional, 0, 65536},
    {&HParams::n_expert_groups, "expert_group_count", Need::kOptional, 0, 65536},
    {&HParams::n_expert_groups_used, "expert_group_used_count", Need::kOptional, 0, 65536},
    {&HParams::expert_gating, "expert_gating_func", Need::kOptional, 0, 3},
    {&HParams::rope_ctx_orig, "rope.scaling.original_context_length", Need::kOptional, 1,
     int64_t{1} << 30},
    {&HParams::window, "attention.sliding_window", Need::kOptional, 0, int64_t{1} << 30},
    {&HParams::attn_temperature_floor, "attention.temperature_length", Need::kOptional, 1,
     int64_t{1} << 30},
    {&HParams::pooling, "pooling_type", Need::kOptional, 0, 4},
};

struct FloatRow {
  float HParams::*field;
  std::string_view key;
  float absent;
};

constexpr FloatRow kFloats[] = {
    {&HParams::rope_theta, "rope.freq_base", 10000.0f},
    {&HParams::rope_theta_window, "rope.freq_base_swa", 0.0f},
    {&HParams::rope_factor, "rope.scaling.factor", 0.0f},
    {&HParams::rope_attn_factor, "rope.scaling.attn_factor", 0.0f},
    {&HParams::yarn_ext_factor, "rope.scaling.yarn_ext_factor", -1.0f},
    {&HParams::yarn_beta_fast, "rope.scaling.yarn_beta_fast", 32.0f},
    {&HParams::yarn_beta_slow, "rope.scaling.yarn_beta_slow", 1.0f},
    {&HParams::yarn_log_multiplier, "rope.scaling.yarn_log_multiplier", 0.0f},
    {&HParams::attn_soft_cap, "attn_logit_softcapping", 0.0f},
    {&HParams::final_soft_cap, "final_logit_softcapping", 0.0f},
    {&HParams::attn_scale, "attention.scale", 0.0f},
    {&HParams::attn_temperature, "attention.temperature_scale", 0.0f},
    {&HParams::expert_scale, "expert_weights_scale", 0.0f},
};

class Reader {
 public:
  Reader(const file::Metadata& metadata, std::string_view arch)
      : metadata_(metadata), arch_(arch) {}

  Status read(const IntRow& row, HParams& hp) const {
    const std::string name = key(row.key);
    if (!metadata_.has(name)) {
      if (row.need == Need::kRequired) return corrupt("the metadata has no '{}'", name);
      return {};
    }
    TRY_LET(const int64_t value, integer(name));
    if (value < row.min || value > row.max) {
      return corrupt("{} is {}, outside {} to {}", name, value, row.min, row.max);
    }
    hp.*row.field = static_cast<int>(value);
    return {};
  }

  Status read(const FloatRow& row, HParams& hp) const {
    const std::string name = key(row.key);
    hp.*row.field = row.absent;
    if (!metadata_.has(name)) return {};
    const auto value = metadata_.number(name);
    if (!value) return corrupt("{} is not a number", name);
    if (!std::isfinite(*value)) return corrupt("{} is not finite", name);
    hp.*row.field = static_cast<float>(*value);
    return {};
  }

  std::string key(std::string_view suffix) const { return fmt::format("{}.{}", arch_, suffix); }

 private:
  // A number, or a list with one entry per layer whose entries are all the same.
  Result<int64_t> integer(const std::string& name) const {
    if (const auto value = metadata_.integer(name)) return *value;
    const auto list = metadata_.integers(name);
    if (!list || list->empty()) return corrupt("{} is not a whole number", name);
    if (!std::all_of(list->begin(), list->end(), [&](int64_t v) { return v == list->front(); })) {
      return unsupported("{} differs from layer to layer, which hearth cannot run yet", name);
    }
    return list->front();
  }

  const file::Metadata& metadata_;
  std::string_view arch_;
};

Status read_norm_eps(const file::Metadata& metadata, const Reader& reader, HParams& hp) {
  const std::string rms = reader.key("attention.layer_norm_rms_epsilon");
  const std::string layer = reader.key("attention.layer_norm_epsilon");
  const auto value = metadata.number(metadata.has(rms) ? rms : layer);
  if (!value) return corrupt("the metadata has neither '{}' nor '{}'", rms, layer);
  if (!(*value >= 0 && *value < 1)) return corrupt("the norm's epsilon is {}", *value);
  hp.norm_eps = static_cast<float>(*value);
  return {};
}

// Sliding-window layers are given as a period or as a list.
Status read_window_pattern(const file::Metadata& metadata, const Reader& reader, HParams& hp) {
  const std::string name = reader.key("attention.sliding_window_pattern");
  if (!metadata.has(name)) return {};
  if (const auto period = metadata.integer(name)) {
    if (*period < 1 || *period > kMaxLayers) return corrupt("{} is {}", name, *period);
    hp.window_period = static_cast<int>(*period);
    return {};
  }
  const auto list = metadata.integers(name);
  if (!list || static_cast<int64_t>(list->size()) < hp.L) {
    return corrupt("{} is neither a number nor a list of {} layers", name, hp.L);
  }
  for (int i = 0; i < hp.L; ++i) hp.window_layers.push_back((*list)[static_cast<size_t>(i)] != 0);
  return {};
}

Status derive(HParams& hp, const Reader& reader, const file::Metadata& metadata) {
  if (hp.G == 0) hp.G = hp.H;
  if (hp.H % hp.G != 0) {
    return corrupt("{} query heads cannot share {} key heads", hp.H, hp.G);
  }
  if (hp.K == 0) {
    if (hp.D % hp.H != 0) return corrupt("{} heads do not divide a width of {}", hp.H, hp.D);
    hp.K = hp.D / hp.H;
  }
  if (hp.W == 0) hp.W = hp.K;
  if (hp.C > 0) {
    // With MLA the plain lengths are those of the cached (absorbed) form, the _mla ones of a head.
    if (const auto k = metadata.integer(reader.key("attention.key_length_mla"))) {
      if (*k < 1 || *k > 65536)
        return corrupt("{} is {}", reader.key("attention.key_length_mla"), *k);
      hp.K = static_cast<int>(*k);
    }
    if (const auto v = metadata.integer(reader.key("attention.value_length_mla"))) {
      if (*v < 1 || *v > 65536)
        return corrupt("{} is {}", reader.key("attention.value_length_mla"), *v);
      hp.W = static_cast<int>(*v);
    }
  }
  if (!metadata.has(reader.key("rope.dimension_count"))) hp.R = hp.K;
  if (hp.R % 2 != 0 || hp.R > hp.K) {
    return corrupt("{} rotated dimensions do not fit a head of {}", hp.R, hp.K);
  }
  if (hp.C > 0) hp.N = hp.K - hp.R;
  if (hp.E > 0 && (hp.top_k < 1 || hp.top_k > hp.E)) {
    return corrupt("{} of {} experts cannot be used", hp.top_k, hp.E);
  }
  if (hp.E > 0 && hp.X == 0) hp.X = hp.F;
  if (hp.Z == 0 && hp.n_shared_experts > 0) {
    if (int64_t{hp.X} * hp.n_shared_experts > kMaxDim) {
      return corrupt("{} shared experts of width {} are too wide", hp.n_shared_experts, hp.X);
    }
    hp.Z = hp.X * hp.n_shared_experts;
  }
  if (!(hp.rope_theta > 0) || !(hp.rope_theta_window >= 0)) {
    return corrupt("the rope base is {}", hp.rope_theta > 0 ? hp.rope_theta_window : hp.rope_theta);
  }
  return {};
}

}  // namespace

int HParams::dim(char letter) const {
  switch (letter) {
    case 'L':
      return L;
    case 'D':
      return D;
    case 'H':
      return H;
    case 'G':
      return G;
    case 'K':
      return K;
    case 'W':
      return W;
    case 'R':
      return R;
    case 'F':
      return F;
    case 'V':
      return V;
    case 'E':
      return E;
    case 'X':
      return X;
    case 'Z':
      return Z;
    case 'Q':
      return Q;
    case 'C':
      return C;
    case 'N':
      return N;
    case 'P':
      return P;
    case 'Y':
      return Y;
    default:
      return 0;
  }
}

Result<HParams> read_hparams(const file::Metadata& metadata, std::string_view arch) {
  HParams hp;
  const Reader reader(metadata, arch);
  for (const IntRow& row : kInts) TRY(reader.read(row, hp));
  for (const FloatRow& row : kFloats) TRY(reader.read(row, hp));
  TRY(read_norm_eps(metadata, reader, hp));
  TRY(read_window_pattern(metadata, reader, hp));
  if (const auto scaling = metadata.text(reader.key("rope.scaling.type"))) {
    hp.rope_scaling = *scaling;
  } else if (const auto linear = metadata.number(reader.key("rope.scale_linear"))) {
    hp.rope_scaling = "linear";  // the key of GGUF's first year
    hp.rope_factor = static_cast<float>(*linear);
  }
  if (const auto renorm = metadata.boolean(reader.key("expert_weights_norm"))) {
    hp.has_expert_renorm = true;
    hp.expert_renorm = *renorm;
  }
  if (const auto types = metadata.integer("tokenizer.ggml.token_type_count")) {
    if (*types < 0 || *types > 65536) return corrupt("token_type_count is {}", *types);
    hp.Y = static_cast<int>(*types);
  }
  if (hp.V == 0) {
    const auto& entries = metadata.entries();
    const auto tokens = entries.find("tokenizer.ggml.tokens");
    if (tokens == entries.end() || tokens->second.type != file::MetaType::kArray ||
        tokens->second.count == 0 || tokens->second.count > static_cast<uint64_t>(kMaxDim)) {
      return corrupt("the metadata has neither '{}' nor a token list", reader.key("vocab_size"));
    }
    hp.V = static_cast<int>(tokens->second.count);
  }
  TRY(derive(hp, reader, metadata));
  return hp;
}

}  // namespace hearth::arch
