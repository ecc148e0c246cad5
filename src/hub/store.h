// SPDX-License-Identifier: MIT
// The models on this machine: one folder per model, FOLDER/NAME/, with its files and model.json
// (manifest.h). scripts/fetch_model writes the same layout. A model appears whole or not at all, is
// never changed in place, and a process that has it open keeps it after it was removed.
// Thread rule: any thread; writers of all processes wait for each other (FOLDER/.lock).
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hub/manifest.h"
#include "hub/sha256.h"
#include "hub/store_reader.h"

namespace hearth::hub {

struct StoredModel {
  std::string name;
  std::string format;  // "gguf", "safetensors"
  std::string arch;    // "" where unknown
  std::string quant;   // "q4_k_m"; "" where unknown
  std::string licence;
  std::string source;          // "catalogue", "import"
  std::filesystem::path file;  // the one to open
  uint64_t bytes = 0;          // of all files
  std::string sha256;          // of `file`; "" where it was never computed
  bool linked = false;         // the files lie elsewhere and are not the store's
};

struct Listing {
  std::vector<StoredModel> models;    // by name
  std::vector<std::string> warnings;  // models that are there but damaged, and why
};

// What a user's MODEL argument means.
struct ResolvedModel {
  std::string name;            // for people: the store's name, or the file's
  std::filesystem::path file;  // the one to open
  std::string licence;         // as the store knows it; "" for a path
  bool in_store = false;
};

struct ImportOptions {
  std::string name;   // "": made from the file's name
  bool link = false;  // leave the file where it lies
};

class Store {
 public:
  explicit Store(std::filesystem::path folder)
      : folder_(std::move(folder)), reader_(std::make_shared<StoreReader>()) {}
  // The store of this user: os::models_folder().
  static Result<Store> of_user();

  const std::filesystem::path& folder() const { return folder_; }

  // Never fails for one damaged model; an absent folder is an empty store.
  Result<Listing> list() const;

  // The model with exactly this name.
  Result<StoredModel> find(std::string_view name) const;

  // MODEL as people write it: a path to a file (with a '/', or ending in .gguf, or simply there), a
  // name, "name:tag" for the model name-tag ("name:latest": name), or "name@quant" for the model
  // name whose quantization that is, or name-quant. kNotFound names near matches.
  Result<ResolvedModel> resolve(std::string_view model) const;

  // Takes a GGUF (all its parts) into the store, after it was parsed as one. Stopped or killed, it
  // leaves nothing that list() shows. kInvalid where the name is taken.
  Result<StoredModel> import_file(const std::filesystem::path& file, const ImportOptions& options,
                                  Progress progress);

  // Forgets the model and deletes its files; those of a linked model stay where they are.
  Status remove(std::string_view name);

 private:
  Result<StoredModel> read(std::string_view name) const;
  Failure unknown(std::string_view model) const;
  Status publish(const Manifest& manifest) const;

  std::filesystem::path folder_;
  std::shared_ptr<StoreReader> reader_;  // copies of a store share what it remembers
};

}  // namespace hearth::hub
