// SPDX-License-Identifier: MIT
// A client for our own server: one request, the answer as a whole or as it comes. Waits. For the
// verbs that ask a running hearth; plain HTTP, this machine or a numeric address. Thread rule: any,
// one call each.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/function_ref.h"
#include "base/result.h"

namespace hearth::http {

struct ServerAddress {
  std::string host = "127.0.0.1";  // numeric
  uint16_t port = 0;
  std::string key;  // "" for none
};

struct Answer {
  int status = 0;
  std::string body;
};

// Errors: kIo where nobody listens, kInterrupted after `patience`, kCorrupt where the answer is not
// HTTP or longer than 64 MiB.
Result<Answer> ask_server(const ServerAddress& server, std::string_view method,
                          std::string_view path, std::string_view body,
                          std::chrono::milliseconds patience);

// The same for a stream: `on_body` gets the body in pieces, and answers whether it wants more.
// `patience` is for each wait. Answers the status. Errors: those of ask_server; kInterrupted where
// `on_body` wants no more, or `stop` became true, which closes the connection within 100 ms.
using OnBody = FunctionRef<bool(int status, std::string_view piece)>;
Result<int> stream_from_server(const ServerAddress& server, std::string_view method,
                               std::string_view path, std::string_view body, OnBody on_body,
                               const std::atomic<bool>& stop, std::chrono::milliseconds patience);

}  // namespace hearth::http
