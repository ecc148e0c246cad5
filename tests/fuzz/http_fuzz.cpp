// SPDX-License-Identifier: MIT
// Fuzzes what reads an HTTP request: its head, its framing, its chunked body, its host, origin and
// key. The first byte says in which pieces the rest arrives; pieces must change nothing.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/check.h"
#include "server/http/chunked.h"
#include "server/http/request_parser.h"
#include "server/security.h"

namespace {

using namespace hearth;

constexpr uint64_t kMaxBody = 4096;

struct Outcome {
  int status = 0;  // of a fault
  size_t n_head = 0;
  std::string body;
  size_t n_used = 0;
  bool whole = false;

  bool operator==(const Outcome&) const = default;
};

Outcome read(std::string_view bytes, size_t n_piece) {
  Outcome outcome;
  http::HeadScanner scanner{http::Limits{}};
  for (size_t n = 0; n < bytes.size() && outcome.n_head == 0;) {
    n = std::min(n + n_piece, bytes.size());
    const auto found = scanner.scan(bytes.substr(0, n));
    if (const auto* fault = std::get_if<http::Fault>(&found)) {
      outcome.status = fault->status;
      return outcome;
    }
    if (const auto* end = std::get_if<size_t>(&found)) outcome.n_head = *end;
  }
  if (outcome.n_head == 0) return outcome;
  CHECK(outcome.n_head <= bytes.size());
  const auto parsed = http::parse_head(bytes.substr(0, outcome.n_head));
  if (const auto* fault = std::get_if<http::Fault>(&parsed)) {
    outcome.status = fault->status;
    return outcome;
  }
  const auto& head = std::get<http::RequestHead>(parsed);
  CHECK(!(head.chunked && head.content_length > 0));
  if (!head.chunked) return outcome;
  http::ChunkedDecoder decoder(kMaxBody);
  size_t at = outcome.n_head;
  while (at < bytes.size() && !decoder.done() && !decoder.fault())
    at += decoder.feed(bytes.substr(at, n_piece), outcome.body);
  CHECK(outcome.body.size() <= kMaxBody);
  if (decoder.fault()) {
    outcome.body.clear();  // how much came before the fault depends on the pieces
    outcome.status = decoder.fault()->status;
    return outcome;
  }
  outcome.n_used = at;
  outcome.whole = decoder.done();
  return outcome;
}

void judge(std::string_view bytes) {
  const auto parsed = http::parse_head(bytes);
  const auto* head = std::get_if<http::RequestHead>(&parsed);
  if (head == nullptr) return;
  const http::Peer peer{"127.0.0.1", "127.0.0.1", 4327, true};
  server::SecurityOptions options;
  options.allowed_origins = {"https://chat.example"};
  if (!server::check_host(*head, peer, options)) {
    const std::string* host = head->find("host");
    CHECK(host != nullptr && host->ends_with(":4327"));
  }
  server::check_origin(*head, options);
  server::shown_key(*head);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Outcome whole = read(bytes, bytes.size());
  const Outcome pieces = read(bytes, 1 + data[0] % 64);
  CHECK(whole == pieces);
  judge(bytes);
  return 0;
}
