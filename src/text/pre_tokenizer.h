// SPDX-License-Identifier: MIT
// The pre-tokenizers of byte-level BPE by the name that model files give them
// (tokenizer.ggml.pre): how words are cut, and the few habits that come with a name.
#pragma once
#include <string_view>

#include "base/result.h"
#include "text/splitter.h"

namespace hearth::text {

struct PreTokenizer {
  std::string_view name;
  const SplitScheme* scheme = nullptr;
  bool whole_words_first = false;  // a word that is a token is taken without merging
  bool adds_bos = false;           // unless the file says otherwise
  bool has_no_default_bos = false;
  bool is_raw_utf8 = false;    // tokens are plain UTF-8 with U+2581 for spaces, bytes are "<0x0A>"
  bool newline_words = false;  // a run of line feeds that is a token is taken without merging
  bool always_bos = false;     // even where the file says otherwise
};

// An unknown name is an error that says the name: a silent default would give wrong tokens.
Result<const PreTokenizer*> find_pre_tokenizer(std::string_view name);

}  // namespace hearth::text
