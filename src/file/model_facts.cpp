// SPDX-License-Identifier: MIT
#include "file/model_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <map>

#include "base/checked.h"

namespace hearth::file {
namespace {

// Index: the value of "general.file_type". Empty: withdrawn, or never assigned.
constexpr std::array<std::string_view, 39> kNames = {
    "f32",    "f16",    "q4_0",  "q4_1",    "",       "",       "",       "q8_0",
    "q5_0",   "q5_1",   "q2_k",  "q3_k_s",  "q3_k_m", "q3_k_l", "q4_k_s", "q4_k_m",
    "q5_k_s", "q5_k_m", "q6_k",  "iq2_xxs", "iq2_xs", "q2_k_s", "iq3_xs", "iq3_xxs",
    "iq1_s",  "iq4_nl", "iq3_s", "iq3_m",   "iq2_s",  "iq2_m",  "iq4_xs", "iq1_m",
    "bf16",   "",       "",      "",        "tq1_0",  "tq2_0",  "mxfp4",
};

// A number of the architecture, "<arch>.<key>"; of a list with a number per layer, the largest.
std::optional<int64_t> arch_number(const Gguf& model, std::string_view arch, std::string_view key) {
  const std::string full = fmt::format("{}.{}", arch, key);
  if (const auto value = model.metadata().integer(full)) return value;
  const auto values = model.metadata().integers(full);
  if (!values || values->empty()) return std::nullopt;
  return *std::max_element(values->begin(), values->end());
}

uint64_t saturating_add(uint64_t a, uint64_t b) {
  return checked_add<uint64_t>(a, b).value_or(std::numeric_limits<uint64_t>::max());
}

std::vector<FormatShare> shares(const Gguf& model) {
  std::map<uint32_t, FormatShare> by_type;
  for (const GgufTensor& tensor : model.tensors()) {
    FormatShare& share = by_type[tensor.gguf_type];
    share.gguf_type = tensor.gguf_type;
    share.usable = tensor.type.has_value();
    ++share.n_tensors;
    share.n_bytes += tensor.data.size();
  }
  std::vector<FormatShare> list;
  for (auto& [type, share] : by_type) {
    share.name = gguf_type_name(type);
    if (share.name.empty()) share.name = fmt::format("type {}", type);
    list.push_back(std::move(share));
  }
  std::stable_sort(list.begin(), list.end(), [](const FormatShare& a, const FormatShare& b) {
    return a.n_bytes > b.n_bytes;
  });
  return list;
}

}  // namespace

std::string_view file_type_name(int64_t file_type) {
  if (file_type < 0 || file_type >= static_cast<int64_t>(kNames.size())) return {};
  return kNames[static_cast<size_t>(file_type)];
}

std::string_view quant_name(const Gguf& model) {
  if (const auto file_type = model.metadata().integer("general.file_type")) {
    const std::string_view name = file_type_name(*file_type);
    if (!name.empty()) return name;
  }
  // The names that dtypes have are literals, so the view outlives the list.
  const std::vector<FormatShare> formats = shares(model);
  return formats.empty() ? std::string_view{} : gguf_type_name(formats.front().gguf_type);
}

bool is_reranker(const Gguf& model) {
  constexpr int64_t kNone = 0, kRank = 4;
  const auto arch = model.metadata().text("general.architecture").value_or("");
  const int64_t pooling = arch_number(model, arch, "pooling_type").value_or(kNone);
  if (model.find("cls.output.weight") == nullptr) return false;
  return pooling == kNone || pooling == kRank;
}

ModelFacts facts_of(const Gguf& model) {
  const Metadata& metadata = model.metadata();
  ModelFacts facts;
  facts.arch = metadata.text("general.architecture").value_or("");
  facts.name = metadata.text("general.name").value_or("");
  facts.licence = metadata.text("general.license").value_or("");
  facts.quant = quant_name(model);
  for (const GgufTensor& tensor : model.tensors()) {
    facts.n_parameters =
        saturating_add(facts.n_parameters, static_cast<uint64_t>(tensor.shape.elements()));
    facts.tensor_bytes += tensor.data.size();
  }
  facts.context_length = arch_number(model, facts.arch, "context_length");
  facts.n_layers = arch_number(model, facts.arch, "block_count");
  facts.width = arch_number(model, facts.arch, "embedding_length");
  facts.n_heads = arch_number(model, facts.arch, "attention.head_count");
  facts.n_kv_heads = arch_number(model, facts.arch, "attention.head_count_kv");
  facts.ff_width = arch_number(model, facts.arch, "feed_forward_length");
  facts.n_experts = arch_number(model, facts.arch, "expert_count");
  facts.n_experts_used = arch_number(model, facts.arch, "expert_used_count");
  facts.window = arch_number(model, facts.arch, "attention.sliding_window");
  facts.tokenizer = metadata.text("tokenizer.ggml.model").value_or("");
  facts.pre_tokenizer = metadata.text("tokenizer.ggml.pre").value_or("");
  const MetaValue* const tokens = metadata.find("tokenizer.ggml.tokens");
  if (tokens && tokens->type == MetaType::kArray) facts.n_vocab = tokens->count;
  facts.chat_template = metadata.text("tokenizer.chat_template").value_or("");
  facts.reranks = is_reranker(model);
  facts.formats = shares(model);
  return facts;
}

}  // namespace hearth::file
