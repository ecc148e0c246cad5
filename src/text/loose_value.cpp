// SPDX-License-Identifier: MIT
// Sources: Python language reference, "Literals"; Google's chat template of Gemma 4.
#include "text/loose_value.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

#include "text/answer_format.h"
#include "text/messages.h"
#include "text/unicode.h"

namespace hearth::text {
namespace {

using Json = nlohmann::ordered_json;

bool is_word_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-' || static_cast<unsigned char>(c) >= 0x80;
}

// What stands for a character after a backslash, but for \x, \u and \U.
char plain_escape(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    default:
      return c;
  }
}

}  // namespace

void LooseReader::skip_spaces() {
  text_.remove_prefix(std::min(text_.find_first_not_of(" \n\r\t"), text_.size()));
}

bool LooseReader::take(std::string_view mark) {
  skip_spaces();
  if (!text_.starts_with(mark)) return false;
  text_.remove_prefix(mark.size());
  return true;
}

bool LooseReader::at_end() {
  skip_spaces();
  return text_.empty();
}

std::string_view LooseReader::word() {
  skip_spaces();
  const auto end = std::find_if_not(text_.begin(), text_.end(), is_word_char);
  const std::string_view word = text_.substr(0, static_cast<size_t>(end - text_.begin()));
  text_.remove_prefix(word.size());
  return word;
}

std::optional<Json> LooseReader::value(int depth) {
  if (depth > kMaxJsonDepth) return std::nullopt;
  const auto as_json = [](std::optional<std::string> text) {
    return text ? std::optional(Json(std::move(*text))) : std::nullopt;
  };
  if (take(kTextMark)) return as_json(marked());
  if (take("[")) return list("]", depth);
  if (take("(")) return list(")", depth);
  if (take("{")) return object(depth);
  for (const char quote : {'"', '\''}) {
    if (take(std::string_view(&quote, 1))) return as_json(quoted(quote));
  }
  return scalar();
}

std::optional<Json> LooseReader::list(std::string_view end, int depth) {
  Json list = Json::array();
  while (!take(end)) {
    if (!list.empty() && !take(",")) return std::nullopt;
    if (!list.empty() && take(end)) break;
    auto item = value(depth + 1);
    if (!item || list.size() >= kMaxJsonMembers) return std::nullopt;
    list.push_back(std::move(*item));
  }
  return list;
}

std::optional<Json> LooseReader::object(int depth) {
  Json object = Json::object();
  while (!take("}")) {
    if (!object.empty() && !take(",")) return std::nullopt;
    if (!object.empty() && take("}")) break;
    std::optional<std::string> key;
    if (take(kTextMark)) {
      key = marked();
    } else if (take("\"")) {
      key = quoted('"');
    } else if (take("'")) {
      key = quoted('\'');
    } else {
      key = std::string(word());
      if (key->empty()) return std::nullopt;
    }
    if (!key || !take(":")) return std::nullopt;
    auto inner = value(depth + 1);
    if (!inner || object.size() >= kMaxJsonMembers) return std::nullopt;
    object[*key] = std::move(*inner);
  }
  return object;
}

std::optional<std::string> LooseReader::marked() {
  const size_t end = text_.find(kTextMark);
  if (end == text_.npos) return std::nullopt;
  std::string text(text_.substr(0, end));
  text_.remove_prefix(end + kTextMark.size());
  return text;
}

std::optional<std::string> LooseReader::quoted(char quote) {
  std::string text;
  while (!text_.empty()) {
    const char c = text_.front();
    text_.remove_prefix(1);
    if (c == quote) return text;
    if (c != '\\' || text_.empty()) {
      text += c;
      continue;
    }
    const char escape = text_.front();
    text_.remove_prefix(1);
    const size_t n_digits = escape == 'x' ? 2 : escape == 'u' ? 4 : escape == 'U' ? 8 : 0;
    uint32_t code = 0;
    const char* const end = text_.data() + std::min(n_digits, text_.size());
    const auto [stop, error] = std::from_chars(text_.data(), end, code, 16);
    if (n_digits == 0) {
      text += plain_escape(escape);
    } else if (error != std::errc() || stop != text_.data() + n_digits || code > 0x10FFFF) {
      return std::nullopt;
    } else {
      text_.remove_prefix(n_digits);
      append_utf8(escape == 'u' ? whole_code(code) : code, text);
    }
  }
  return std::nullopt;
}

// As JSON writes characters beyond 16 bits: by two escapes.
uint32_t LooseReader::whole_code(uint32_t high) {
  uint32_t low = 0;
  if (high < 0xD800 || high > 0xDBFF || text_.size() < 6 || !text_.starts_with("\\u")) return high;
  const auto [stop, error] = std::from_chars(text_.data() + 2, text_.data() + 6, low, 16);
  if (error != std::errc() || stop != text_.data() + 6 || low < 0xDC00 || low > 0xDFFF) return high;
  text_.remove_prefix(6);
  return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
}

std::optional<Json> LooseReader::scalar() {
  skip_spaces();
  const std::string_view rest = text_;
  text_.remove_prefix(rest.starts_with('+') ? 1 : 0);
  const std::string_view name = word();
  if (name == "true" || name == "True") return Json(true);
  if (name == "false" || name == "False") return Json(false);
  if (name == "null" || name == "None") return Json();
  // 1e+5: the sign is in no word.
  std::string number(name);
  if (!number.empty() && (number.back() == 'e' || number.back() == 'E') && text_.starts_with('+')) {
    text_.remove_prefix(1);
    number += word();
  }
  auto value = parse_exact_json(number);
  if (value && value->is_number()) return std::move(*value);
  return std::nullopt;
}

}  // namespace hearth::text
