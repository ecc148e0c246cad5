// SPDX-License-Identifier: MIT
// The models that hearth knows how to fetch: catalogue.json beside this file, which is a part of
// the program and is read by scripts/fetch_model too (fetch.h). Thread rule: const after parse.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::hub {

struct CatalogueFile {
  std::string name;  // in the store
  uint64_t bytes = 0;
  std::string sha256;
};

struct CatalogueModel {
  std::string name;  // in the store
  std::string title;
  std::string kind;    // "chat", "base", "embedding"
  std::string format;  // "gguf", "safetensors"
  std::string arch;
  std::string quant;
  std::string licence;
  std::string words_en;  // what it is good for, one sentence
  std::string words_vi;
  uint64_t download_bytes = 0;
  bool is_default = false;
  std::vector<CatalogueFile> files;  // the first is the one to open
};

class Catalogue {
 public:
  // The catalogue that the program was built with.
  static const Catalogue& built_in();
  static Result<Catalogue> parse(std::string_view json);

  std::span<const CatalogueModel> models() const { return models_; }
  // The JSON that it was read from.
  const std::string& text() const { return text_; }
  const CatalogueModel* find(std::string_view name) const;  // null where there is none
  // The model that people mean: its name in any case, "name:tag" for the model name-tag,
  // "name:latest" for name. Never null. kNotFound lists all names.
  Result<const CatalogueModel*> resolve(std::string_view model) const;
  // The model whose first file has this digest: what an imported file really is.
  const CatalogueModel* find_sha256(std::string_view sha256) const;
  const CatalogueModel& default_model() const { return models_[i_default_]; }

 private:
  std::string text_;
  std::vector<CatalogueModel> models_;
  size_t i_default_ = 0;
};

}  // namespace hearth::hub
