// SPDX-License-Identifier: MIT
#include "server/http/message.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <utility>

namespace hearth::http {
namespace {

constexpr auto kReasons = std::to_array<std::pair<int, std::string_view>>({
    {100, "Continue"},
    {200, "OK"},
    {201, "Created"},
    {204, "No Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
});

// A value may come from a model's name or a message: it must not become a line of its own.
std::string one_line(std::string_view value) {
  std::string out(value);
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = ' ';
  }
  return out;
}

}  // namespace

const std::string* RequestHead::find(std::string_view name) const {
  for (const Header& header : headers) {
    if (header.name == name) return &header.value;
  }
  return nullptr;
}

void Response::set(std::string_view name, std::string value) {
  for (Header& header : headers) {
    if (header.name == name) {
      header.value = std::move(value);
      return;
    }
  }
  headers.push_back({std::string(name), std::move(value)});
}

std::string_view reason_phrase(int status) {
  const auto* found = std::find_if(kReasons.begin(), kReasons.end(),
                                   [&](auto& row) { return row.first == status; });
  return found == kReasons.end() ? "Status" : found->second;
}

std::string head_text(const Response& response, int minor_version, bool close,
                      std::string_view framing) {
  std::string text = fmt::format("HTTP/1.{} {} {}\r\n", minor_version, response.status,
                                 reason_phrase(response.status));
  for (const Header& header : response.headers) {
    text += header.name;
    text += ": ";
    text += one_line(header.value);
    text += "\r\n";
  }
  if (close) {
    text += "Connection: close\r\n";
  } else if (minor_version == 0) {
    text += "Connection: keep-alive\r\n";
  }
  text += framing;
  text += "\r\n";
  return text;
}

}  // namespace hearth::http
