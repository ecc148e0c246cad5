// SPDX-License-Identifier: MIT
// Who may ask at all, judged from a request's head before anything else looks at it: the Host that
// it names (DNS rebinding, RELIABILITY F26), the page that it comes from (F27), and the key that it
// carries in whatever header (F29). Pure functions. Rules D1 to D4.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/http/message.h"

namespace hearth::server {

struct SecurityOptions {
  std::vector<std::string> host_names;       // besides localhost and the addresses listened on
  std::vector<std::string> allowed_origins;  // "https://chat.example:8443"
  bool require_key = false;                  // also from this machine, also for inference
};

// Nothing where the request may go on; else its status (421, 403) and a constant reason.
std::optional<http::Fault> check_host(const http::RequestHead& head, const http::Peer& peer,
                                      const SecurityOptions& options);
std::optional<http::Fault> check_origin(const http::RequestHead& head,
                                        const SecurityOptions& options);

// The configured origin that the request comes from; "" where it is not a page's of another origin.
std::string allowed_origin(const http::RequestHead& head, const SecurityOptions& options);

// What the request shows: "Authorization: Bearer K" or "x-api-key: K". Fails where both are there
// and differ.
struct ShownKey {
  std::string text;  // "" for none
  bool conflicting = false;
};
ShownKey shown_key(const http::RequestHead& head);

// Headers of every answer.
void add_security_headers(http::Response& response);

// "host", "host:port", "[::1]:port": the host in lower case without brackets, and the port (80
// where none is said). Nothing where it is written oddly.
struct HostAndPort {
  std::string host;
  int port = 80;
};
std::optional<HostAndPort> parse_host(std::string_view text);

}  // namespace hearth::server
