// SPDX-License-Identifier: MIT
// A chunked body, read strictly and in any pieces. In: bytes as they arrive. Out: the body's bytes
// and where it ends, or a Fault. Extensions and trailers are bounded, checked and dropped.
// Source: RFC 9112 section 7.1; no bare LF, at most 8 digits, at most 8 KiB of trailers.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/http/message.h"

namespace hearth::http {

class ChunkedDecoder {
 public:
  explicit ChunkedDecoder(uint64_t max_body_bytes) : max_body_bytes_(max_body_bytes) {}

  // Appends to `body`; answers how many of `bytes` it used: all but those after the end. A fault
  // is final.
  size_t feed(std::string_view bytes, std::string& body);

  bool done() const { return state_ == State::kDone; }
  const std::optional<Fault>& fault() const { return fault_; }

 private:
  enum class State { kSizeLine, kData, kDataEnd, kTrailer, kDone };

  void take_line();
  void take_size(std::string_view line);
  void take_trailer(std::string_view line);
  void refuse(int status, std::string_view reason) { fault_ = Fault{status, reason}; }

  uint64_t max_body_bytes_;
  State state_ = State::kSizeLine;
  std::string line_;
  uint64_t n_left_ = 0;  // of the chunk
  uint64_t n_body_ = 0;
  size_t n_trailer_bytes_ = 0;
  std::optional<Fault> fault_;
};

}  // namespace hearth::http
