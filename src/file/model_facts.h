// SPDX-License-Identifier: MIT
// What a GGUF file says about its model, for people and for lists. Nothing here is checked for
// sense: an architecture's loader does that. Source: the GGUF specification (standard keys).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "file/gguf.h"

namespace hearth::file {

// The name for a value of "general.file_type" ("q4_k_m"), or an empty view.
std::string_view file_type_name(int64_t file_type);

// The mixture of formats that a model was quantized to; where the file does not say, the format of
// most of its bytes. Empty for a model without data.
std::string_view quant_name(const Gguf& model);

// All tensors of one format.
struct FormatShare {
  uint32_t gguf_type = 0;
  std::string name;     // "q4_k", or "type 77"
  bool usable = false;  // hearth can compute with it
  uint64_t n_tensors = 0;
  uint64_t n_bytes = 0;  // 0 where not usable
};

// Texts borrow the model's mapping. An empty optional or text: the file does not say.
struct ModelFacts {
  std::string_view arch;
  std::string_view name;
  std::string_view licence;
  std::string_view quant;
  uint64_t n_parameters = 0;
  uint64_t tensor_bytes = 0;
  std::optional<int64_t> context_length;  // tokens
  std::optional<int64_t> n_layers;
  std::optional<int64_t> width;  // the D of the model
  std::optional<int64_t> n_heads;
  std::optional<int64_t> n_kv_heads;  // the most of any layer
  std::optional<int64_t> ff_width;    // the most of any layer
  std::optional<int64_t> n_experts;
  std::optional<int64_t> n_experts_used;
  std::optional<int64_t> window;  // of the layers that see only the last tokens
  std::string_view tokenizer;     // "gpt2", "llama", "bert"
  std::string_view pre_tokenizer;
  std::optional<uint64_t> n_vocab;
  std::string_view chat_template;
  bool reranks = false;              // see is_reranker
  std::vector<FormatShare> formats;  // most bytes first
};

// Whether the model is a cross-encoder: it has a head that scores pairs of texts, and the file asks
// for no vectors. (Converters often write no pooling type for them.)
bool is_reranker(const Gguf& model);

ModelFacts facts_of(const Gguf& model);

}  // namespace hearth::file
