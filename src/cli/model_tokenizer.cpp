// SPDX-License-Identifier: MIT
#include "cli/model_tokenizer.h"

#include "hub/store.h"

namespace hearth::cli {

Result<ModelTokenizer> open_tokenizer(std::string_view model, Output& out) {
  TRY_LET(const hub::Store store, hub::Store::of_user());
  TRY_LET(const hub::ResolvedModel found, store.resolve(model));
  TRY_LET(file::Gguf file, file::Gguf::open(found.file));
  ModelTokenizer opened;
  opened.file = std::make_unique<file::Gguf>(std::move(file));
  TRY_LET(opened.tokenizer,
          within(found.file.string(), text::Tokenizer::make(opened.file->metadata())));
  for (const std::string& warning : opened.tokenizer->warnings()) {
    out.note("{}: {}", printable(found.name), printable(warning));
  }
  return opened;
}

}  // namespace hearth::cli
