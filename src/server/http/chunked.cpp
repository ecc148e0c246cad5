// SPDX-License-Identifier: MIT
#include "server/http/chunked.h"

#include <algorithm>
#include <charconv>

#include "server/http/request_parser.h"

namespace hearth::http {
namespace {

constexpr size_t kMaxSizeLine = 256;  // the digits and an extension
constexpr size_t kMaxSizeDigits = 8;
constexpr size_t kMaxTrailerBytes = 8u << 10;

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

}  // namespace

void ChunkedDecoder::take_size(std::string_view line) {
  const size_t end = std::min(line.find(';'), line.size());
  const std::string_view digits = line.substr(0, end);
  uint64_t size = 0;
  const auto [last, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), size, 16);
  if (digits.empty() || digits.size() > kMaxSizeDigits || error != std::errc() ||
      last != digits.data() + digits.size())
    return refuse(400, "the size of a chunk is not a number");
  if (has_control(line)) return refuse(400, "a chunk's extension holds a control character");
  if (size > max_body_bytes_ - n_body_) return refuse(413, "the body is too long");
  n_left_ = size;
  state_ = size == 0 ? State::kTrailer : State::kData;
}

void ChunkedDecoder::take_trailer(std::string_view line) {
  if (line.empty()) {
    state_ = State::kDone;
    return;
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon)) ||
      has_control(line.substr(colon)))
    return refuse(400, "a trailer is not NAME: VALUE");
}

// line_ ends in LF.
void ChunkedDecoder::take_line() {
  if (line_.size() < 2 || line_[line_.size() - 2] != '\r')
    return refuse(400, "a line of the chunked body ends in LF without CR");
  const std::string line = line_.substr(0, line_.size() - 2);
  line_.clear();
  if (line.find('\r') != std::string::npos)
    return refuse(400, "a CR without LF in the chunked body");
  if (state_ == State::kSizeLine) return take_size(line);
  if (state_ == State::kTrailer) return take_trailer(line);
  if (!line.empty()) return refuse(400, "a chunk is longer than its size");
  state_ = State::kSizeLine;
}

size_t ChunkedDecoder::feed(std::string_view bytes, std::string& body) {
  size_t used = 0;
  while (used < bytes.size() && !done() && !fault_) {
    if (state_ == State::kData) {
      const auto n = static_cast<size_t>(std::min<uint64_t>(n_left_, bytes.size() - used));
      body.append(bytes.substr(used, n));
      used += n;
      n_left_ -= n;
      n_body_ += n;
      if (n_left_ == 0) state_ = State::kDataEnd;
      continue;
    }
    const char c = bytes[used++];
    line_ += c;
    if (state_ == State::kTrailer && ++n_trailer_bytes_ > kMaxTrailerBytes) {
      refuse(431, "the trailers are too long");
    } else if (c == '\n') {
      take_line();
    } else if (state_ == State::kDataEnd && line_.size() > 1) {
      refuse(400, "a chunk is longer than its size");
    } else if (line_.size() > kMaxSizeLine && state_ == State::kSizeLine) {
      refuse(400, "the size line of a chunk is too long");
    }
  }
  return used;
}

}  // namespace hearth::http
