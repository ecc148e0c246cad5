// SPDX-License-Identifier: MIT
#include "text/wordpiece.h"

#include <algorithm>
#include <functional>

#include "text/unicode.h"

namespace hearth::text {
namespace {

// The blocks that BERT's tokenizer calls Chinese; 2B920 is its own, kept for equal ids.
bool is_chinese(uint32_t code) {
  return (code >= 0x4E00 && code <= 0x9FFF) || (code >= 0x3400 && code <= 0x4DBF) ||
         (code >= 0x20000 && code <= 0x2A6DF) || (code >= 0x2A700 && code <= 0x2B73F) ||
         (code >= 0x2B740 && code <= 0x2B81F) || (code >= 0x2B920 && code <= 0x2CEAF) ||
         (code >= 0xF900 && code <= 0xFAFF) || (code >= 0x2F800 && code <= 0x2FA1F);
}

}  // namespace

Result<WordPiece> WordPiece::make(const Vocab& vocab, const WordPieceOptions& options) {
  if (options.unknown == kNoToken) return corrupt("the vocabulary has no unknown token");
  WordPiece made;
  made.options_ = options;
  made.lengths_.reserve(vocab.size());
  for (size_t i = 0; i < vocab.size(); ++i) {
    made.lengths_.push_back(static_cast<uint32_t>(
        std::min<size_t>(vocab.text(static_cast<TokenId>(i)).size(), UINT32_MAX)));
  }
  std::sort(made.lengths_.begin(), made.lengths_.end(), std::greater<>());
  made.lengths_.erase(std::unique(made.lengths_.begin(), made.lengths_.end()), made.lengths_.end());
  return made;
}

std::vector<std::string> WordPiece::words(std::string_view text) const {
  std::vector<std::string> out;
  std::string word;
  const auto finish = [&] {
    if (!word.empty()) out.push_back(std::move(word));
    word.clear();
  };
  for (size_t i = 0; i < text.size();) {
    const Decoded next = decode_utf8(text, i);
    i += next.bytes;
    const uint32_t code = options_.strip_accents ? base_character(next.code) : next.code;
    const CodePointClass kind = class_of(code);
    if (is_white_space(code)) {
      finish();
      continue;
    }
    if (code == 0 || code == kReplacement || kind == CodePointClass::kControl) continue;
    if (options_.strip_accents && kind == CodePointClass::kMark) continue;
    const bool alone = kind == CodePointClass::kPunctuation ||
                       (code < 0x7F && kind == CodePointClass::kSymbol) || is_chinese(code);
    if (alone) finish();
    append_utf8(options_.lower_case ? to_lower(code) : code, word);
    if (alone) finish();
  }
  finish();
  return out;
}

void WordPiece::encode(std::string_view text, const Vocab& vocab, std::vector<TokenId>& out) const {
  std::string marked;
  for (const std::string& word : words(text)) {
    marked.assign(kSpaceMark).append(word);
    const size_t n_before = out.size();
    for (size_t i = 0; i < marked.size();) {
      TokenId id = kNoToken;
      size_t n_bytes = 0;
      for (const uint32_t length : lengths_) {
        if (length > marked.size() - i) continue;
        id = vocab.find(std::string_view(marked).substr(i, length));
        n_bytes = length;
        if (id != kNoToken) break;
      }
      if (id == kNoToken) {
        out.resize(n_before);
        break;
      }
      out.push_back(id);
      i += n_bytes;
    }
    if (out.size() == n_before) out.push_back(options_.unknown);
  }
}

}  // namespace hearth::text
