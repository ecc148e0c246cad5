// SPDX-License-Identifier: MIT
// What HTTP carries here: the head of a request as the strict parser leaves it, a whole request,
// an answer, and the bounds on all of them. Values only. Source: RFC 9110, RFC 9112.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::http {

// RELIABILITY F21.
struct Limits {
  size_t request_line_bytes = 8u << 10;
  size_t head_bytes = 32u << 10;
  size_t n_headers = 100;
};

struct Header {
  std::string name;  // of a request: lower case
  std::string value;

  bool operator==(const Header&) const = default;
};

// Why a request is refused before anybody looks at its meaning. The text is constant: no byte of a
// client comes back to it (F14).
struct Fault {
  int status = 400;
  std::string_view reason;

  bool operator==(const Fault&) const = default;
};

struct RequestHead {
  std::string method;  // as written
  std::string target;  // as written
  std::string path;    // percent-decoded
  std::string query;   // as written, without '?'
  int minor_version = 1;
  std::vector<Header> headers;
  uint64_t content_length = 0;
  bool chunked = false;
  bool keep_alive = true;
  bool expects_continue = false;

  bool has_body() const { return chunked || content_length > 0; }
  // The first header of this (lower-case) name; nullptr where there is none.
  const std::string* find(std::string_view name) const;
};

// Who asks, and at which of our addresses.
struct Peer {
  std::string address;        // without port, as text
  std::string local_address;  // ours
  uint16_t local_port = 0;
  bool is_loopback = false;
};

struct Request {
  RequestHead head;
  Peer peer;
  std::string body;
};

struct Response {
  int status = 200;
  std::vector<Header> headers;  // names as they are to be written
  std::string body;
  bool close = false;  // the connection ends after it

  void set(std::string_view name, std::string value);
};

// "Not Found"; a neutral word for a status without one.
std::string_view reason_phrase(int status);

// The status line and all headers. `framing`: the last header lines, which say how long the body
// is. Line breaks in a value become spaces.
std::string head_text(const Response& response, int minor_version, bool close,
                      std::string_view framing);

}  // namespace hearth::http
