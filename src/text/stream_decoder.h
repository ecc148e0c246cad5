// SPDX-License-Identifier: MIT
// Text out of tokens as they come: never half a character. Bytes that may still become a character
// wait; bytes that cannot are U+FFFD, at once. One stream, one thread.
#pragma once
#include <string>
#include <string_view>

#include "text/tokenizer.h"

namespace hearth::text {

// Bytes in, well-formed UTF-8 out. What it has given out is the same however the bytes were cut.
class Utf8Stream {
 public:
  std::string push(std::string_view bytes);
  // The end: what waited is broken now. Ready for a next stream.
  std::string finish();
  bool is_waiting() const { return !waiting_.empty(); }

 private:
  std::string waiting_;  // at most 3 bytes
};

class StreamDecoder {
 public:
  // Borrows the tokenizer.
  explicit StreamDecoder(const Tokenizer& tokenizer, bool show_special = false)
      : tokenizer_(&tokenizer), show_special_(show_special) {}

  std::string push(TokenId id);
  std::string finish() { return stream_.finish(); }

 private:
  const Tokenizer* tokenizer_;
  bool show_special_;
  Utf8Stream stream_;
  std::string piece_;
};

}  // namespace hearth::text
