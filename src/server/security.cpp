// SPDX-License-Identifier: MIT
#include "server/security.h"

#include <algorithm>
#include <charconv>

#include "base/ascii.h"

namespace hearth::server {
namespace {

constexpr size_t kMaxHostBytes = 253 + 2 + 6;  // a name of the DNS, brackets, ":65535"

bool is_host_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

bool is_address_byte(char c) {
  return (c >= 'a' && c <= 'f') || (c >= '0' && c <= '9') || c == ':' || c == '.';
}

bool read_port(std::string_view digits, int& port) {
  if (digits.empty() || digits.size() > 5 || digits.front() == '0') return false;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return error == std::errc() && end == digits.data() + digits.size() && port <= 65535 && port > 0;
}

bool contains(const std::vector<std::string>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

// The server's own origin, as the request names it; Host has been checked.
bool is_own_origin(const http::RequestHead& head, std::string_view origin) {
  const std::string* host = head.find("host");
  return host != nullptr && lowered(origin) == "http://" + lowered(*host);
}

}  // namespace

std::optional<HostAndPort> parse_host(std::string_view text) {
  if (text.empty() || text.size() > kMaxHostBytes) return {};
  const std::string all = lowered(text);
  HostAndPort result;
  std::string_view rest;
  if (all.front() == '[') {
    const size_t close = all.find(']');
    if (close == std::string::npos) return {};
    result.host = all.substr(1, close - 1);
    rest = std::string_view(all).substr(close + 1);
    if (result.host.find(':') == std::string::npos ||
        !std::all_of(result.host.begin(), result.host.end(), is_address_byte))
      return {};
  } else {
    const size_t colon = std::min(all.find(':'), all.size());
    result.host = all.substr(0, colon);
    rest = std::string_view(all).substr(colon);
    if (result.host.empty() || !std::all_of(result.host.begin(), result.host.end(), is_host_byte))
      return {};
  }
  if (rest.empty()) return result;
  if (rest.front() != ':' || !read_port(rest.substr(1), result.port)) return {};
  return result;
}

std::optional<http::Fault> check_host(const http::RequestHead& head, const http::Peer& peer,
                                      const SecurityOptions& options) {
  constexpr http::Fault kWrong{421, "this server does not answer for that Host"};
  const std::string* text = head.find("host");
  if (text == nullptr) return kWrong;
  const auto host = parse_host(*text);
  if (!host) return kWrong;
  // A further name may stand before a proxy, whose port is its own affair.
  if (contains(options.host_names, host->host)) return {};
  if (host->port != peer.local_port) return kWrong;
  if (host->host == peer.local_address) return {};
  // Only this machine can reach a loopback address, by whichever of its names.
  const bool local_name =
      host->host == "localhost" || host->host == "127.0.0.1" || host->host == "::1";
  if (local_name && peer.is_loopback) return {};
  return kWrong;
}

std::optional<http::Fault> check_origin(const http::RequestHead& head,
                                        const SecurityOptions& options) {
  constexpr http::Fault kForeign{403, "pages of other origins may not use this server"};
  const std::string* origin = head.find("origin");
  if (origin != nullptr && contains(options.allowed_origins, *origin)) return {};
  if (origin != nullptr && !is_own_origin(head, *origin)) return kForeign;
  const std::string* site = head.find("sec-fetch-site");
  if (site != nullptr && *site != "same-origin" && *site != "none") return kForeign;
  return {};
}

std::string allowed_origin(const http::RequestHead& head, const SecurityOptions& options) {
  const std::string* origin = head.find("origin");
  if (origin == nullptr || !contains(options.allowed_origins, *origin)) return {};
  return *origin;
}

ShownKey shown_key(const http::RequestHead& head) {
  ShownKey shown;
  if (const std::string* value = head.find("authorization")) {
    constexpr std::string_view kScheme = "bearer ";
    if (lowered(std::string_view(*value).substr(0, kScheme.size())) == kScheme)
      shown.text = value->substr(kScheme.size());
  }
  if (const std::string* value = head.find("x-api-key")) {
    if (!shown.text.empty() && shown.text != *value) shown.conflicting = true;
    shown.text = *value;
  }
  return shown;
}

void add_security_headers(http::Response& response) {
  response.set("X-Content-Type-Options", "nosniff");
  response.set("Cross-Origin-Resource-Policy", "same-origin");
  response.set("Referrer-Policy", "no-referrer");
  response.set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  response.set("Cache-Control", "no-store");
}

}  // namespace hearth::server
