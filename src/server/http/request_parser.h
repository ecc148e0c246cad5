// SPDX-License-Identifier: MIT
// The head of a request, read strictly: what two programs could understand differently is refused
// (RELIABILITY F21, F23), because hidden requests live in such differences. In: bytes as they
// arrive. Out: a RequestHead, "more", or a Fault after which the connection closes.
// Source: RFC 9112; stricter where it says so: no bare LF, no folded lines, no repeated or signed
// Content-Length, no Transfer-Encoding but "chunked", never both, no absolute targets.
#pragma once
#include <optional>
#include <string_view>
#include <variant>

#include "server/http/message.h"

namespace hearth::http {

// Finds where a head ends; looks at each byte once.
class HeadScanner {
 public:
  explicit HeadScanner(const Limits& limits) : limits_(limits) {}

  struct NeedsMore {};
  // Bytes of the head, with the empty line.
  using Outcome = std::variant<NeedsMore, size_t, Fault>;

  // `bytes`: all that came since the head began; those of the last call first.
  Outcome scan(std::string_view bytes);
  void restart() { *this = HeadScanner(limits_); }

 private:
  std::optional<Fault> end_line(std::string_view bytes, size_t i_newline);

  Limits limits_;
  size_t n_seen_ = 0;
  size_t line_begin_ = 0;
  size_t n_lines_ = 0;  // complete ones
  bool complete_ = false;
};

// `head`: what HeadScanner found, with the empty line.
std::variant<RequestHead, Fault> parse_head(std::string_view head);

// "%41b" -> "Ab"; nothing where a '%' is not followed by two digits or the result holds a control
// character.
std::optional<std::string> percent_decoded(std::string_view text);

// Whether all bytes are allowed in a token (a method, the name of a header).
bool is_token(std::string_view text);

}  // namespace hearth::http
