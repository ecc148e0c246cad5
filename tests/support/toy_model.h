// SPDX-License-Identifier: MIT
// Tiny models of every architecture with random weights, made from the tensor table: what the tests
// of arch, backend, engine and cli run on. In: an architecture's name and options. Out: a GGUF with
// the metadata that real files have. Equal options give equal bytes on every machine (own random
// numbers; for weight formats other than f32 as far as the encoder's arithmetic is).
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "arch/tensor_table.h"
#include "base/result.h"
#include "file/gguf_write.h"
#include "file/metadata.h"

namespace hearth::test {

struct ToyOptions {
  std::string arch = "llama";
  uint64_t seed = 1;
  // Metadata over the architecture's defaults: a key without the architecture's prefix
  // ("attention.head_count"; those that begin with "tokenizer." or "general." have none) or a
  // dimension's letter, and its value: "7", "-1", "0.5", "true", "[1,0]", other text. An empty
  // value takes the key away.
  std::vector<std::pair<std::string, std::string>> set;
  // Optional tensors to have, by the name without "blk.N.": "attn_q.bias", "rope_freqs.weight".
  // Where a file may hold a thing in one of several ways, naming one tensor chooses its way.
  std::vector<std::string> with;
  std::vector<std::string> without;  // those that the defaults have, not to have
  bool tied = false;                 // no output.weight
  DType format = DType::kF32;
  std::map<arch::Role, DType> format_of;  // of single roles; norms, biases and tables are f32
  bool vocabulary = false;  // a byte-level (encoders: WordPiece) vocabulary with a chat template
};

struct ToyModel {
  file::Metadata metadata;
  std::vector<file::GgufTensorInfo> tensors;
  std::vector<std::vector<uint8_t>> data;  // one per tensor

  // The index of a tensor; -1 where there is none.
  int find(std::string_view name) const;
  void remove(std::string_view name);
  Result<std::vector<uint8_t>> bytes() const;
  Status write(const std::filesystem::path& path) const;
};

Result<ToyModel> make_toy_model(const ToyOptions& options);

// Adds what the words say to `options`; see toy_options.cpp. Error: kInvalid.
Status read_toy_options(const std::vector<std::string>& words, ToyOptions& options);

// Architectures that have defaults here: all that hearth knows.
std::vector<std::string> toy_architectures();

// Sets one metadata entry from text, as ToyOptions::set does. `key` is the whole key.
void set_from_text(file::Metadata& metadata, const std::string& key, const std::string& value);

}  // namespace hearth::test
