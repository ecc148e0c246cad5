// SPDX-License-Identifier: MIT
// One table of keys: where each number of HParams stands in a GGUF file, and what holds where the
// file says nothing. Source: the GGUF specification, sections on LLM, attention, rope and experts.
#include "arch/hparams.h"

#include <algorithm>
#include <cmath>

#include "base/quote.h"
#include "graph/rope.h"

namespace hearth::arch {
namespace {

constexpr int64_t kMaxDim = int64_t{1} << 24;
constexpr int kMaxLayers = 1024;  // the deepest known model has 126

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
    {&HParams::n_nextn, "nextn_predict_layers", Need::kOptional, 0, kMaxLayers},
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
  float min;
  float max;
};

// Bounds are far outside of what any model has; they keep what follows from them finite.
constexpr float kHuge = 1e9f;
constexpr float kTiny = 1e-9f;
constexpr float kMinTheta = 1.001f;  // frequencies must fall from pair to pair

constexpr FloatRow kFloats[] = {
    {&HParams::rope_theta, "rope.freq_base", 10000.0f, kMinTheta, 1e15f},
    {&HParams::rope_theta_window, "rope.freq_base_swa", 0.0f, kMinTheta, 1e15f},
    {&HParams::rope_factor, "rope.scaling.factor", 0.0f, 0.0f, kHuge},
    {&HParams::rope_alpha, "rope.scaling.alpha", 0.0f, 0.0f, kHuge},
    {&HParams::rope_attn_factor, "rope.scaling.attn_factor", 1.0f, kTiny, kHuge},
    {&HParams::yarn_ext_factor, "rope.scaling.yarn_ext_factor", -1.0f, 0.0f, kHuge},
    {&HParams::yarn_beta_fast, "rope.scaling.yarn_beta_fast", 32.0f, kTiny, kHuge},
    {&HParams::yarn_beta_slow, "rope.scaling.yarn_beta_slow", 1.0f, kTiny, kHuge},
    {&HParams::yarn_log_multiplier, "rope.scaling.yarn_log_multiplier", 0.0f, 0.0f, kHuge},
    {&HParams::attn_soft_cap, "attn_logit_softcapping", -1.0f, 0.0f, kHuge},
    {&HParams::final_soft_cap, "final_logit_softcapping", -1.0f, 0.0f, kHuge},
    {&HParams::attn_scale, "attention.scale", 0.0f, 0.0f, kHuge},
    {&HParams::attn_temperature, "attention.temperature_scale", 0.0f, 0.0f, kHuge},
    {&HParams::expert_scale, "expert_weights_scale", 0.0f, 0.0f, kHuge},
};

// The letters of shapes.
struct Letter {
  char letter;
  int HParams::*field;
};
constexpr Letter kLetters[] = {
    {'L', &HParams::L}, {'D', &HParams::D}, {'H', &HParams::H}, {'G', &HParams::G},
    {'K', &HParams::K}, {'W', &HParams::W}, {'R', &HParams::R}, {'F', &HParams::F},
    {'V', &HParams::V}, {'E', &HParams::E}, {'X', &HParams::X}, {'Z', &HParams::Z},
    {'Q', &HParams::Q}, {'C', &HParams::C}, {'N', &HParams::N}, {'P', &HParams::P},
    {'Y', &HParams::Y},
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
    TRY_LET(hp.*row.field, number(name, 0, row.min, row.max));
    return {};
  }

  Status read(const FloatRow& row, HParams& hp) const {
    const std::string name = key(row.key);
    hp.*row.field = row.absent;
    if (!metadata_.has(name)) return {};
    const auto value = metadata_.number(name);
    if (!value) return corrupt("{} is not a number", name);
    if (!(*value >= row.min && *value <= row.max)) {
      return corrupt("{} is {}, outside {} to {}", name, *value, row.min, row.max);
    }
    hp.*row.field = static_cast<float>(*value);
    return {};
  }

  // A key that may be absent but must not have another type.
  Result<std::optional<bool>> flag(std::string_view suffix) const {
    const std::string name = key(suffix);
    if (!metadata_.has(name)) return std::nullopt;
    const auto value = metadata_.boolean(name);
    if (!value) return corrupt("{} is neither true nor false", name);
    return value;
  }
  Result<std::string> text(std::string_view suffix) const {
    const std::string name = key(suffix);
    if (!metadata_.has(name)) return std::string();
    const auto value = metadata_.text(name);
    if (!value) return corrupt("{} is not a text", name);
    return std::string(*value);
  }
  // A whole number from min to max, or `absent`.
  Result<int> number(const std::string& name, int absent, int64_t min, int64_t max) const {
    if (!metadata_.has(name)) return absent;
    TRY_LET(const int64_t value, integer(name));
    if (value < min || value > max) {
      return corrupt("{} is {}, outside {} to {}", name, value, min, max);
    }
    return static_cast<int>(value);
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

Status read_rope_scaling(const file::Metadata& metadata, const Reader& reader, HParams& hp) {
  TRY_LET(const std::string type, reader.text("rope.scaling.type"));
  const std::string old_key = reader.key("rope.scale_linear");  // of GGUF's first year
  if (hp.rope_factor == 0 && metadata.has(old_key)) {
    const auto factor = metadata.number(old_key);
    if (!factor || !(*factor >= 0 && *factor <= kHuge)) {
      return corrupt("{} is not a scaling factor", old_key);
    }
    hp.rope_factor = static_cast<float>(*factor);
  }
  if (type == "none") {
    hp.rope_factor = 0;
  } else if (type == "yarn") {
    hp.rope_scaling = RopeScaling::kYarn;
  } else if (type == "longrope") {
    hp.rope_scaling = RopeScaling::kLongrope;
  } else if (type.empty() || type == "linear") {
    if (hp.rope_factor > 0) hp.rope_scaling = RopeScaling::kLinear;
  } else {
    return unsupported("{} is {}, which hearth cannot run yet", reader.key("rope.scaling.type"),
                       quote(type));
  }
  return {};
}

// With MLA the plain lengths are those of the cached (absorbed) form and the _mla ones those of a
// head; files from before the absorbed form have the head's in the plain ones.
Status derive_mla(HParams& hp, const Reader& reader) {
  TRY_LET(hp.K, reader.number(reader.key("attention.key_length_mla"), hp.K, 1, 65536));
  TRY_LET(hp.W, reader.number(reader.key("attention.value_length_mla"), hp.W, 1, 65536));
  hp.N = hp.K - hp.R;
  if (hp.R < 2 || hp.R % 2 != 0 || hp.N < 1) {
    return corrupt("{} rotated dimensions do not fit a head of {}", hp.R, hp.K);
  }
  if (int64_t{hp.H} * (int64_t{hp.C} + hp.R) > kMaxDim) {
    return corrupt("{} heads of a latent width of {} are too wide", hp.H, hp.C);
  }
  return {};
}

Status derive_heads(HParams& hp, const Reader& reader, const file::Metadata& metadata) {
  if (hp.G == 0) hp.G = hp.H;
  if (hp.K == 0 || hp.W == 0) {
    if (hp.D % hp.H != 0) return corrupt("{} heads do not divide a width of {}", hp.H, hp.D);
    if (hp.K == 0) hp.K = hp.D / hp.H;
    if (hp.W == 0) hp.W = hp.D / hp.H;
  }
  if (!metadata.has(reader.key("rope.dimension_count"))) hp.R = hp.K;
  if (hp.C > 0) return derive_mla(hp, reader);
  if (hp.H % hp.G != 0) {
    return corrupt("{} query heads cannot share {} key heads", hp.H, hp.G);
  }
  if (hp.R % 2 != 0 || hp.R > hp.K) {
    return corrupt("{} rotated dimensions do not fit a head of {}", hp.R, hp.K);
  }
  if (hp.rope_alpha > 0) {
    if (hp.R <= 2) return corrupt("a rope of {} dimensions cannot be stretched", hp.R);
    hp.rope_theta = graph::ntk_theta(hp.rope_theta, hp.rope_alpha, hp.R);
    if (!(hp.rope_theta >= kMinTheta && std::isfinite(hp.rope_theta)))
      return corrupt("the rope base becomes {}", hp.rope_theta);
  }
  return {};
}

Status derive_experts(HParams& hp, const Reader& reader) {
  if (hp.E == 0) return {};
  if (hp.top_k < 1 || hp.top_k > hp.E) {
    return corrupt("{} of {} experts cannot be used", hp.top_k, hp.E);
  }
  if (hp.X == 0) hp.X = hp.F;
  if (hp.Z == 0 && hp.n_shared_experts > 0) {
    if (int64_t{hp.X} * hp.n_shared_experts > kMaxDim) {
      return corrupt("{} shared experts of width {} are too wide", hp.n_shared_experts, hp.X);
    }
    hp.Z = hp.X * hp.n_shared_experts;
  }
  if (hp.n_expert_groups > 1) {
    const int per_group = hp.E / hp.n_expert_groups;
    const bool fits = hp.E % hp.n_expert_groups == 0 && per_group >= 2 &&
                      hp.n_expert_groups_used >= 1 &&
                      hp.n_expert_groups_used <= hp.n_expert_groups &&
                      int64_t{per_group} * hp.n_expert_groups_used >= hp.top_k;
    if (!fits) {
      return corrupt("{} of {} experts cannot come from {} of {} groups", hp.top_k, hp.E,
                     hp.n_expert_groups_used, hp.n_expert_groups);
    }
  }
  TRY_LET(const auto renorm, reader.flag("expert_weights_norm"));
  if (renorm) hp.expert_renorm = *renorm ? 1 : 0;
  return {};
}

// The block count includes layers that only predict further tokens; they come last.
Status derive_layers(HParams& hp) {
  if (hp.n_nextn >= hp.L) {
    return corrupt("{} of {} layers cannot be for predicting further tokens", hp.n_nextn, hp.L);
  }
  hp.L -= hp.n_nextn;
  return {};
}

// The token list decides; without one, the key that was read.
Result<int> vocabulary_size(const file::Metadata& metadata, const Reader& reader, int of_key) {
  const file::MetaValue* tokens = metadata.find("tokenizer.ggml.tokens");
  if (tokens == nullptr && of_key > 0) return of_key;
  if (tokens == nullptr || tokens->type != file::MetaType::kArray || tokens->count == 0 ||
      tokens->count > static_cast<uint64_t>(kMaxDim)) {
    return corrupt("the metadata has neither '{}' nor a token list", reader.key("vocab_size"));
  }
  return static_cast<int>(tokens->count);
}

Result<int> label_count(const file::Metadata& metadata, const Reader& reader) {
  const std::string name = reader.key("classifier.output_labels");
  const file::MetaValue* const labels = metadata.find(name);
  if (labels == nullptr) return 0;
  if (labels->type != file::MetaType::kArray || labels->count > static_cast<uint64_t>(kMaxDim)) {
    return corrupt("{} is not a list of labels", name);
  }
  return static_cast<int>(labels->count);
}

}  // namespace

int HParams::dim(char letter) const {
  for (const Letter& row : kLetters) {
    if (row.letter == letter) return this->*row.field;
  }
  return 0;
}

std::string_view dim_key(char letter) {
  for (const Letter& row : kLetters) {
    if (row.letter != letter) continue;
    for (const IntRow& key : kInts) {
      if (key.field == row.field) return key.key;
    }
  }
  return letter == 'Y' ? "token_type_count" : "";
}

Result<HParams> read_hparams(const file::Metadata& metadata, std::string_view arch) {
  HParams hp;
  const Reader reader(metadata, arch);
  for (const IntRow& row : kInts) TRY(reader.read(row, hp));
  for (const FloatRow& row : kFloats) TRY(reader.read(row, hp));
  TRY(derive_layers(hp));
  TRY(read_norm_eps(metadata, reader, hp));
  TRY(read_window_pattern(metadata, reader, hp));
  TRY(read_rope_scaling(metadata, reader, hp));
  TRY_LET(hp.Y, reader.number("tokenizer.ggml.token_type_count", 0, 0, 65536));
  TRY_LET(hp.causal, reader.flag("attention.causal"));
  TRY_LET(hp.n_labels, label_count(metadata, reader));
  TRY_LET(hp.V, vocabulary_size(metadata, reader, hp.V));
  TRY(derive_heads(hp, reader, metadata));
  TRY(derive_experts(hp, reader));
  return hp;
}

}  // namespace hearth::arch
