// SPDX-License-Identifier: MIT
#include "tests/support/toy_model.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "arch/model_graph.h"
#include "codec/codec.h"
#include "tests/support/toy_vocabulary.h"

namespace hearth::test {
namespace {

using arch::Role;

// SplitMix64, seeded with the tensor's name, so that a tensor's numbers do not depend on others.
class Random {
 public:
  Random(uint64_t seed, std::string_view name) : state_(seed * 0x9E3779B97F4A7C15u) {
    for (const char c : name) state_ = (state_ ^ static_cast<uint8_t>(c)) * 0x100000001B3u;
  }
  // Uniform in [-1, 1), exact multiples of 2^-23.
  float unit() {
    uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return static_cast<float>((z ^ (z >> 31)) >> 40) * 0x1p-23f - 1.0f;
  }

 private:
  uint64_t state_;
};

// What real files of an architecture say, at toy size. "key=value", separated by blanks.
struct Defaults {
  std::string_view arch;
  std::string_view metadata;
  std::string_view with;
};

constexpr std::string_view kCommon =
    "block_count=3 context_length=256 embedding_length=64 feed_forward_length=96 "
    "attention.head_count=4 attention.head_count_kv=2 vocab_size=96 ";
constexpr std::string_view kRms =
    "attention.layer_norm_rms_epsilon=0.00001 rope.freq_base=10000.0 ";
constexpr std::string_view kEncoder =
    "attention.head_count_kv=4 attention.layer_norm_epsilon=0.000001 attention.causal=false "
    "pooling_type=1 tokenizer.ggml.token_type_count=2 ";

constexpr Defaults kDefaults[] = {
    {"llama", "rope.dimension_count=16", ""},
    {"mistral3",
     "rope.scaling.type=yarn rope.scaling.factor=16.0 rope.scaling.original_context_length=16 "
     "rope.scaling.yarn_beta_fast=32.0 rope.scaling.yarn_beta_slow=1.0 "
     "rope.scaling.yarn_log_multiplier=1.0 attention.temperature_scale=0.1",
     ""},
    {"qwen2", "rope.freq_base=1000000.0", ""},
    {"qwen3", "attention.key_length=24 attention.value_length=24 rope.freq_base=1000000.0", ""},
    {"qwen3moe",
     "attention.key_length=24 attention.value_length=24 expert_count=8 expert_used_count=3 "
     "expert_feed_forward_length=40",
     ""},
    {"gemma2",
     "attention.key_length=24 attention.value_length=24 attention.sliding_window=8 "
     "attn_logit_softcapping=5.0 final_logit_softcapping=10.0",
     ""},
    {"gemma3",
     "block_count=7 attention.key_length=24 attention.value_length=24 attention.sliding_window=8 "
     "rope.freq_base=1000000.0 rope.scaling.type=linear rope.scaling.factor=8.0",
     ""},
    {"phi3",
     "rope.dimension_count=12 rope.scaling.original_context_length=32 "
     "rope.scaling.attn_factor=1.19 attention.sliding_window=8",
     "rope_factors_long.weight"},
    {"olmoe", "attention.head_count_kv=4 feed_forward_length=40 expert_count=8 expert_used_count=3",
     ""},
    {"gpt-oss",
     "attention.key_length=24 attention.value_length=24 attention.sliding_window=8 "
     "rope.freq_base=150000.0 rope.scaling.type=yarn rope.scaling.factor=32.0 "
     "rope.scaling.original_context_length=64 expert_count=8 expert_used_count=3 "
     "expert_feed_forward_length=40",
     ""},
    {"deepseek2",
     "attention.head_count_kv=1 attention.q_lora_rank=48 attention.kv_lora_rank=32 "
     "attention.key_length=40 attention.value_length=32 attention.key_length_mla=24 "
     "attention.value_length_mla=20 rope.dimension_count=8 leading_dense_block_count=1 "
     "expert_count=8 expert_used_count=3 expert_feed_forward_length=40 expert_shared_count=1 "
     "expert_group_count=4 expert_group_used_count=2 expert_weights_scale=2.5 "
     "expert_weights_norm=true expert_gating_func=2 rope.scaling.type=yarn "
     "rope.scaling.factor=40.0 rope.scaling.original_context_length=64 "
     "rope.scaling.yarn_log_multiplier=0.1",
     "exp_probs_b.bias"},
    {"bert", "",
     "token_types.weight attn_q.bias attn_k.bias attn_v.bias attn_output.bias ffn_up.bias "
     "ffn_down.bias"},
    {"nomic-bert", "rope.freq_base=1000.0", "token_types.weight"},
};

template <class F>
void for_each_word(std::string_view text, F&& f) {
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    if (end > 0) f(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::string full_key(std::string_view arch, std::string_view key) {
  if (key.starts_with("tokenizer.") || key.starts_with("general.")) return std::string(key);
  if (key.size() == 1 && !arch::dim_key(key[0]).empty()) key = arch::dim_key(key[0]);
  return fmt::format("{}.{}", arch, key);
}

file::Metadata make_metadata(const ToyOptions& options, const Defaults& defaults, bool encoder) {
  std::map<std::string, std::string> text;
  const auto put = [&](std::string_view words) {
    for_each_word(words, [&](std::string_view word) {
      const size_t at = word.find('=');
      text[full_key(options.arch, word.substr(0, at))] = word.substr(at + 1);
    });
  };
  put(kCommon);
  put(encoder ? kEncoder : kRms);
  put(defaults.metadata);
  for (const auto& [key, value] : options.set) text[full_key(options.arch, key)] = value;

  file::Metadata metadata;
  metadata.set_text("general.architecture", options.arch);
  metadata.set_text("general.name", fmt::format("toy {} {}", options.arch, options.seed));
  metadata.set_text("tokenizer.ggml.model", "no_vocab");
  for (const auto& [key, value] : text) set_from_text(metadata, key, value);
  return metadata;
}

std::string suffix_of(std::string_view name) {
  if (!name.starts_with("blk.")) return std::string(name);
  return std::string(name.substr(name.find('.', 4) + 1));
}

// The optional tensors that the file gets.
class Selection {
 public:
  Selection(const ToyOptions& options, std::string_view defaults, const arch::TensorTable& table)
      : tied_(options.tied), with_(options.with) {
    for_each_word(defaults, [&](std::string_view word) {
      if (!contains(options.without, std::string(word))) with_.emplace_back(word);
    });
    for (const arch::Choice& choice : table.choices()) {
      const std::vector<std::string>* chosen = &choice.front();
      // The first list that holds what the options ask for; defaults come last in with_.
      for (const std::string& wanted : with_) {
        const auto at = std::find_if(choice.begin(), choice.end(), [&](const auto& names) {
          return std::any_of(names.begin(), names.end(),
                             [&](const auto& name) { return suffix_of(name) == wanted; });
        });
        if (at == choice.end()) continue;
        chosen = &*at;
        break;
      }
      for (const auto& names : choice)
        governed_.insert(governed_.end(), names.begin(), names.end());
      chosen_.insert(chosen_.end(), chosen->begin(), chosen->end());
    }
  }

  bool has(const arch::TensorRow& row) const {
    if (!row.optional) return true;
    if (row.name == "output.weight") return !tied_;
    if (contains(governed_, row.name)) return contains(chosen_, row.name);
    return contains(with_, suffix_of(row.name));
  }

 private:
  static bool contains(const std::vector<std::string>& list, const std::string& name) {
    return std::find(list.begin(), list.end(), name) != list.end();
  }

  bool tied_;
  std::vector<std::string> with_, governed_, chosen_;
};

// Values such that activations stay near 1, attention and routers decide clearly, and logits spread
// over a few units. `offset` is the mean, `spread` half the width of a uniform distribution.
struct Range {
  float offset, spread;
};

Range range_of(const arch::TensorRow& row, bool small_embedding) {
  const std::string name = suffix_of(row.name);
  const float unit_gain = std::sqrt(3.0f / static_cast<float>(row.shape.cols()));
  switch (row.role) {
    case Role::kNorm:
      return name.ends_with(".bias") ? Range{0.0f, 0.1f} : Range{1.0f, 0.1f};
    case Role::kBias:
      return {0.0f, 0.3f};
    case Role::kTable:
      if (name == "attn_sinks.weight") return {0.0f, 2.0f};
      if (name == "rope_factors_short.weight") return {1.2f, 0.2f};
      return {4.0f, 3.0f};  // rope_freqs, rope_factors_long
    case Role::kEmbedding:
      return {0.0f, small_embedding ? unit_gain : 1.0f};
    case Role::kOutput:
    case Role::kRouter:
      return {0.0f, 2.0f * unit_gain};
    default:
      if (name.starts_with("attn_q") || name.starts_with("attn_k.")) {
        return {0.0f, 1.5f * unit_gain};
      }
      return {0.0f, unit_gain};
  }
}

DType format_of(const ToyOptions& options, const arch::TensorRow& row) {
  if (row.role == Role::kNorm || row.role == Role::kBias || row.role == Role::kTable) {
    return DType::kF32;
  }
  const auto at = options.format_of.find(row.role);
  const DType wanted = at != options.format_of.end() ? at->second : options.format;
  // As quantizers do: rows that are not whole blocks get a format with smaller blocks.
  const int64_t cols = row.shape.cols();
  if (cols % info(wanted).block_weights == 0) return wanted;
  return cols % 32 == 0 ? DType::kQ8_0 : DType::kF16;
}

Result<std::vector<uint8_t>> make_data(const file::GgufTensorInfo& tensor, const Range& range,
                                       uint64_t seed) {
  Random random(seed, tensor.name);
  std::vector<uint8_t> bytes(tensor_bytes(tensor));
  std::vector<float> row(static_cast<size_t>(tensor.shape.cols()));
  const size_t stride = bytes.size() / static_cast<size_t>(tensor.shape.rows());
  for (size_t at = 0; at < bytes.size(); at += stride) {
    for (float& value : row) value = range.offset + range.spread * random.unit();
    TRY(codec::encode_row(tensor.type, row, std::span(bytes).subspan(at, stride)));
  }
  return bytes;
}

}  // namespace

void set_from_text(file::Metadata& metadata, const std::string& key, const std::string& value) {
  if (value.empty()) return;
  const char* const end = value.data() + value.size();
  int64_t whole = 0;
  if (const auto r = std::from_chars(value.data(), end, whole);
      r.ptr == end && r.ec == std::errc()) {
    if (whole < 0 && whole >= INT32_MIN) return metadata.set_i32(key, static_cast<int32_t>(whole));
    if (whole >= 0 && whole <= UINT32_MAX) {
      return metadata.set_u32(key, static_cast<uint32_t>(whole));
    }
    return metadata.set_u64(key, static_cast<uint64_t>(whole));
  }
  float number = 0;
  if (const auto r = std::from_chars(value.data(), end, number); r.ptr == end) {
    return metadata.set_f32(key, number);
  }
  if (value == "true" || value == "false") return metadata.set_bool(key, value == "true");
  if (value.front() == '[') {
    std::vector<bool> flags;
    for (const char c : value) {
      if (c == '0' || c == '1') flags.push_back(c == '1');
    }
    return metadata.set_bools(key, flags);
  }
  metadata.set_text(key, value);
}

int ToyModel::find(std::string_view name) const {
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].name == name) return static_cast<int>(i);
  }
  return -1;
}

void ToyModel::remove(std::string_view name) {
  const int i = find(name);
  if (i < 0) return;
  tensors.erase(tensors.begin() + i);
  data.erase(data.begin() + i);
}

Result<std::vector<uint8_t>> ToyModel::bytes() const {
  std::vector<file::GgufTensorData> list;
  for (size_t i = 0; i < tensors.size(); ++i) list.push_back({tensors[i], data[i]});
  return file::gguf_bytes(metadata, list);
}

Status ToyModel::write(const std::filesystem::path& path) const {
  std::vector<file::GgufTensorData> list;
  for (size_t i = 0; i < tensors.size(); ++i) list.push_back({tensors[i], data[i]});
  return file::write_gguf(path, metadata, list);
}

std::vector<std::string> toy_architectures() {
  std::vector<std::string> names;
  for (const Defaults& row : kDefaults) names.emplace_back(row.arch);
  return names;
}

Result<ToyModel> make_toy_model(const ToyOptions& options) {
  const arch::ArchSpec* const spec = arch::find_architecture(options.arch);
  const auto defaults = std::find_if(std::begin(kDefaults), std::end(kDefaults),
                                     [&](const Defaults& row) { return row.arch == options.arch; });
  if (spec == nullptr || defaults == std::end(kDefaults)) {
    return not_found("no toy model of architecture '{}'", options.arch);
  }
  ToyModel model;
  model.metadata = make_metadata(options, *defaults, spec->encoder);
  TRY_LET(arch::HParams hp, arch::read_hparams(model.metadata, options.arch));
  if (options.vocabulary) {
    TRY_LET(hp.V, add_toy_vocabulary(model.metadata, spec->encoder, hp.V));
  }
  const arch::TensorTable table = arch::tensor_table(*spec, hp);
  const Selection selection(options, defaults->with, table);
  const bool small_embedding = options.tied || spec->embed.scale_by_sqrt_d;
  for (const arch::TensorRow& row : table.rows()) {
    if (!selection.has(row)) continue;
    if (row.shape.elements() <= 0) {
      return invalid("tensor '{}' [{}] would be empty", row.name, row.dims);
    }
    file::GgufTensorInfo tensor{row.name, format_of(options, row), row.shape};
    TRY_LET(std::vector<uint8_t> data,
            make_data(tensor, range_of(row, small_embedding), options.seed));
    model.tensors.push_back(std::move(tensor));
    model.data.push_back(std::move(data));
  }
  return model;
}

}  // namespace hearth::test
