// SPDX-License-Identifier: MIT
// Small vocabularies made by tests, as metadata of a model file.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "file/metadata.h"
#include "text/bpe.h"
#include "text/unicode.h"

namespace hearth::text::test {

struct ToyVocab {
  std::string model = "gpt2";
  std::string pre = "gpt-2";
  std::vector<std::string> tokens;
  std::vector<int32_t> types;  // 1 normal, 3 control, 4 user-defined, 6 byte
  std::vector<float> scores;
  std::vector<std::string> merges;

  int32_t add(const std::string& text, int32_t type = 1, float score = 0) {
    tokens.push_back(text);
    types.push_back(type);
    scores.push_back(score);
    return static_cast<int32_t>(tokens.size()) - 1;
  }

  file::Metadata metadata() const {
    file::Metadata made;
    made.set_text("tokenizer.ggml.model", model);
    if (!pre.empty()) made.set_text("tokenizer.ggml.pre", pre);
    made.set_texts("tokenizer.ggml.tokens", tokens);
    made.set_i32s("tokenizer.ggml.token_type", types);
    if (model == "llama") made.set_f32s("tokenizer.ggml.scores", scores);
    if (model == "gpt2" || model == "gemma4") made.set_texts("tokenizer.ggml.merges", merges);
    return made;
  }
};

// All 256 bytes, no merges.
inline ToyVocab toy_bpe() {
  ToyVocab vocab;
  for (int byte = 0; byte < 256; ++byte) {
    vocab.add(std::string(byte_character(static_cast<uint8_t>(byte))));
  }
  return vocab;
}

// <unk> <s> </s>, all 256 bytes as fallback.
inline ToyVocab toy_spm() {
  ToyVocab vocab;
  vocab.model = "llama";
  vocab.pre = "";
  vocab.add("<unk>", 2);
  vocab.add("<s>", 3);
  vocab.add("</s>", 3);
  for (int byte = 0; byte < 256; ++byte) vocab.add(fmt::format("<0x{:02X}>", byte), 6);
  return vocab;
}

}  // namespace hearth::text::test
