// SPDX-License-Identifier: MIT
#include "server/http/request_parser.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/ascii.h"

namespace hearth::http {
namespace {

constexpr size_t kMaxMethodBytes = 20;
constexpr size_t kMaxLengthDigits = 15;  // far above any body, far below 2^64

// Headers that say what the request is or who asks: twice would be two requests in one.
constexpr auto kSingular = std::to_array<std::string_view>(
    {"authorization", "content-encoding", "content-length", "content-type", "expect", "host",
     "origin", "sec-fetch-site", "transfer-encoding", "x-api-key"});

bool is_token_byte(char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
  return std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char small = lowered(c);
  return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
}

std::optional<Fault> parse_version(std::string_view version, RequestHead& head) {
  if (version == "HTTP/1.1") {
    head.minor_version = 1;
  } else if (version == "HTTP/1.0") {
    head.minor_version = 0;
  } else if (version.starts_with("HTTP/") && version.size() <= 8) {
    return Fault{505, "only HTTP/1.1 and HTTP/1.0 are spoken here"};
  } else {
    return Fault{400, "the request line is not METHOD TARGET HTTP/1.1"};
  }
  return {};
}

std::optional<Fault> parse_target(RequestHead& head) {
  if (head.target == "*" && head.method == "OPTIONS") {
    head.path = "*";
    return {};
  }
  if (!head.target.starts_with('/')) return Fault{400, "the target must begin with '/'"};
  const auto visible = [](char c) { return c > 0x20 && c < 0x7f; };
  if (!std::all_of(head.target.begin(), head.target.end(), visible))
    return Fault{400, "the target holds a byte that is not visible ASCII"};
  if (head.target.find('#') != std::string::npos) return Fault{400, "the target holds a fragment"};
  const size_t question = head.target.find('?');
  if (question != std::string::npos) head.query = head.target.substr(question + 1);
  auto path = percent_decoded(std::string_view(head.target).substr(0, question));
  if (!path) return Fault{400, "a percent escape of the target is broken or a control character"};
  head.path = std::move(*path);
  return {};
}

std::optional<Fault> parse_request_line(std::string_view line, RequestHead& head) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last || line.find(' ', first + 1) != last)
    return Fault{400, "the request line is not METHOD TARGET HTTP/1.1"};
  const std::string_view method = line.substr(0, first);
  if (!is_token(method) || method.size() > kMaxMethodBytes)
    return Fault{400, "the method is not a token"};
  head.method = method;
  head.target = line.substr(first + 1, last - first - 1);
  if (const auto fault = parse_version(line.substr(last + 1), head)) return fault;
  return parse_target(head);
}

std::optional<Fault> parse_header(std::string_view line, RequestHead& head) {
  if (line.front() == ' ' || line.front() == '\t')
    return Fault{400, "a header is folded over two lines"};
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return Fault{400, "a header has no ':'"};
  if (!is_token(line.substr(0, colon))) return Fault{400, "the name of a header is not a token"};
  const std::string_view value = trimmed(line.substr(colon + 1));
  const auto bad = [](char c) { return is_control(c) && c != '\t'; };
  if (std::any_of(value.begin(), value.end(), bad))
    return Fault{400, "a header holds a control character"};
  Header header{lowered(line.substr(0, colon)), std::string(value)};
  if (std::find(kSingular.begin(), kSingular.end(), header.name) != kSingular.end() &&
      head.find(header.name) != nullptr)
    return Fault{400, "a header that may come once comes twice"};
  head.headers.push_back(std::move(header));
  return {};
}

std::optional<Fault> read_length(const std::string& text, uint64_t& length) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.empty() || !std::all_of(text.begin(), text.end(), digit))
    return Fault{400, "Content-Length is not a number"};
  if (text.size() > kMaxLengthDigits) return Fault{413, "the body is too long"};
  std::from_chars(text.data(), text.data() + text.size(), length);
  return {};
}

std::optional<Fault> read_framing(RequestHead& head) {
  const std::string* length = head.find("content-length");
  const std::string* encoding = head.find("transfer-encoding");
  if (length != nullptr && encoding != nullptr)
    return Fault{400, "both Content-Length and Transfer-Encoding"};
  if (encoding != nullptr) {
    if (lowered(*encoding) != "chunked")
      return Fault{400, "Transfer-Encoding is something else than chunked"};
    if (head.minor_version == 0) return Fault{400, "Transfer-Encoding in HTTP/1.0"};
    head.chunked = true;
  }
  if (length != nullptr) {
    if (const auto fault = read_length(*length, head.content_length)) return fault;
  }
  const std::string* content = head.find("content-encoding");
  if (content != nullptr && lowered(*content) != "identity")
    return Fault{415, "compressed bodies are not taken"};
  return {};
}

// Whether `word` is one of the comma-separated words of the list.
bool lists(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    if (lowered(trimmed(list.substr(0, comma))) == word) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

std::optional<Fault> read_connection(RequestHead& head) {
  head.keep_alive = head.minor_version >= 1;
  for (const Header& header : head.headers) {
    if (header.name != "connection") continue;
    if (head.minor_version == 0 && lists(header.value, "keep-alive")) head.keep_alive = true;
    if (lists(header.value, "close")) {
      head.keep_alive = false;
      break;
    }
  }
  if (const std::string* expect = head.find("expect")) {
    if (lowered(*expect) != "100-continue") return Fault{417, "Expect is not 100-continue"};
    head.expects_continue = head.minor_version >= 1;
  }
  const std::string* host = head.find("host");
  if (host == nullptr && head.minor_version >= 1) return Fault{400, "no Host"};
  return {};
}

}  // namespace

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_byte);
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return {};
      const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return {};
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (is_control(c)) return {};
    out += c;
  }
  return out;
}

std::optional<Fault> HeadScanner::end_line(std::string_view bytes, size_t i_newline) {
  if (i_newline == line_begin_ || bytes[i_newline - 1] != '\r')
    return Fault{400, "a line ends in LF without CR"};
  const size_t n_line = i_newline - 1 - line_begin_;
  if (n_line == 0) {
    if (n_lines_ == 0) return Fault{400, "an empty line before the request"};
    complete_ = true;
    return {};
  }
  if (n_lines_ == 0 && n_line > limits_.request_line_bytes)
    return Fault{414, "the request line is too long"};
  ++n_lines_;
  if (n_lines_ > limits_.n_headers + 1) return Fault{431, "too many headers"};
  line_begin_ = i_newline + 1;
  return {};
}

HeadScanner::Outcome HeadScanner::scan(std::string_view bytes) {
  for (; n_seen_ < bytes.size(); ++n_seen_) {
    const char c = bytes[n_seen_];
    if (n_seen_ >= limits_.head_bytes) return Fault{431, "the head is too long"};
    if (c == '\n') {
      if (const auto fault = end_line(bytes, n_seen_)) return *fault;
      if (complete_) return n_seen_ + 1;
      continue;
    }
    if (n_seen_ > line_begin_ && bytes[n_seen_ - 1] == '\r') return Fault{400, "a CR without LF"};
    if (n_lines_ == 0 && n_seen_ - line_begin_ > limits_.request_line_bytes)
      return Fault{414, "the request line is too long"};
    if (is_control(c) && c != '\r' && c != '\t') return Fault{400, "a control character"};
  }
  return NeedsMore{};
}

std::variant<RequestHead, Fault> parse_head(std::string_view bytes) {
  RequestHead head;
  bool first = true;
  while (true) {
    const size_t end = bytes.find("\r\n");
    if (end == std::string_view::npos) return Fault{400, "the head does not end"};
    const std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(end + 2);
    if (line.empty()) break;
    const auto fault = first ? parse_request_line(line, head) : parse_header(line, head);
    if (fault) return *fault;
    first = false;
  }
  if (first) return Fault{400, "an empty line before the request"};
  if (const auto fault = read_framing(head)) return *fault;
  if (const auto fault = read_connection(head)) return *fault;
  return head;
}

}  // namespace hearth::http
