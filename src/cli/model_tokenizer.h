// SPDX-License-Identifier: MIT
// Opens the tokenizer of a MODEL argument, for the verbs that need nothing else of the model.
#pragma once
#include <memory>
#include <string_view>

#include "base/result.h"
#include "cli/output.h"
#include "file/gguf.h"
#include "text/tokenizer.h"

namespace hearth::cli {

struct ModelTokenizer {
  std::unique_ptr<file::Gguf> file;  // which the tokenizer borrows
  std::unique_ptr<text::Tokenizer> tokenizer;
};

// Errors name the file. What is odd about the vocabulary goes to `out` as notes.
Result<ModelTokenizer> open_tokenizer(std::string_view model, Output& out);

}  // namespace hearth::cli
