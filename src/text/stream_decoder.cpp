// SPDX-License-Identifier: MIT
#include "text/stream_decoder.h"

#include "text/unicode.h"

namespace hearth::text {

std::string Utf8Stream::push(std::string_view bytes) {
  if (waiting_.empty() && bytes.empty()) return {};
  std::string joined = std::move(waiting_);
  waiting_.clear();
  joined += bytes;
  std::string out;
  out.reserve(joined.size());
  for (size_t i = 0; i < joined.size();) {
    const StrictLength next = strict_utf8_length(joined, i);
    if (next.cut) {
      waiting_ = joined.substr(i);
      break;
    }
    out += next.valid ? std::string_view(joined).substr(i, next.bytes) : kReplacementUtf8;
    i += next.bytes;
  }
  return out;
}

std::string Utf8Stream::finish() {
  if (waiting_.empty()) return {};
  waiting_.clear();
  return std::string(kReplacementUtf8);  // one start of a character is one U+FFFD
}

std::string StreamDecoder::push(TokenId id) {
  piece_.clear();
  tokenizer_->append_piece(id, show_special_, piece_);
  return stream_.push(piece_);
}

}  // namespace hearth::text
