// SPDX-License-Identifier: MIT
#include "text/jinja/text_ops.h"

#include <algorithm>

#include "text/jinja/interpreter.h"
#include "text/jinja/unicode.h"

namespace hearth::text::jinja {
namespace {

// Up to here a plain search, at most this many times the text's length, is cheap enough.
constexpr size_t kPlainNeedle = 32;

// Knuth, Morris and Pratt, over iterators so that it also runs backwards.
template <class It>
size_t find_linear(It text, size_t n_text, It needle, size_t n_needle) {
  std::vector<uint32_t> border(n_needle, 0);
  for (size_t i = 1, k = 0; i < n_needle; ++i) {
    while (k > 0 && needle[i] != needle[k]) k = border[k - 1];
    if (needle[i] == needle[k]) ++k;
    border[i] = static_cast<uint32_t>(k);
  }
  for (size_t i = 0, k = 0; i < n_text; ++i) {
    while (k > 0 && text[i] != needle[k]) k = border[k - 1];
    if (text[i] == needle[k]) ++k;
    if (k == n_needle) return i + 1 - n_needle;
  }
  return std::string_view::npos;
}

}  // namespace

size_t find_text(std::string_view text, std::string_view needle, size_t from) {
  if (needle.size() <= kPlainNeedle) return text.find(needle, from);
  if (from > text.size() || needle.size() > text.size() - from) return text.npos;
  const size_t found =
      find_linear(text.begin() + from, text.size() - from, needle.begin(), needle.size());
  return found == text.npos ? found : found + from;
}

size_t rfind_text(std::string_view text, std::string_view needle) {
  if (needle.size() <= kPlainNeedle) return text.rfind(needle);
  if (needle.size() > text.size()) return text.npos;
  const size_t found = find_linear(text.rbegin(), text.size(), needle.rbegin(), needle.size());
  return found == text.npos ? found : text.size() - found - needle.size();
}

std::string capitalized(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const bool first = at == 0;
    append_case(out, decode_char(text, at), first ? CaseForm::kTitle : CaseForm::kLower);
  }
  return out;
}

std::string_view strip_chars(std::string_view text, std::string_view characters, bool left,
                             bool right) {
  std::u32string set;
  for (size_t at = 0; at < characters.size();) set += decode_char(characters, at);
  std::sort(set.begin(), set.end());
  const auto listed = [&](char32_t c) { return std::binary_search(set.begin(), set.end(), c); };
  while (left && !text.empty()) {
    size_t at = 0;
    if (!listed(decode_char(text, at))) break;
    text.remove_prefix(at);
  }
  while (right && !text.empty()) {
    const size_t start = previous_char(text, text.size());
    size_t at = start;
    if (!listed(decode_char(text, at))) break;
    text = text.substr(0, start);
  }
  return text;
}

std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends) {
  std::vector<std::string_view> lines;
  size_t start = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t before = at;
    const char32_t c = decode_char(text, at);
    if (!is_line_break(c)) continue;
    if (c == '\r' && at < text.size() && text[at] == '\n') ++at;
    lines.push_back(text.substr(start, (keep_ends ? at : before) - start));
    start = at;
  }
  if (start < text.size()) lines.push_back(text.substr(start));
  return lines;
}

namespace {

// An empty `old` stands before every character and at the end.
std::string interleaved(std::string_view text, std::string_view replacement, int64_t count) {
  std::string out;
  size_t at = 0;
  for (; count != 0; --count) {
    out += replacement;
    if (at >= text.size()) return out;
    const size_t start = at;
    decode_char(text, at);
    out += text.substr(start, at - start);
  }
  out += text.substr(at);
  return out;
}

}  // namespace

Result<std::string> replaced(Interpreter& in, std::string_view text, std::string_view old,
                             std::string_view replacement, int64_t count) {
  TRY(in.step(text.size() / 1024));
  if (old.empty()) {
    size_t n_bytes = 0;
    if (__builtin_mul_overflow(text.size() + 1, replacement.size() + 1, &n_bytes))
      return over_limit("the replaced text is too large");
    TRY(in.reserve(n_bytes));
    return interleaved(text, replacement, count);
  }
  std::string out;
  size_t at = 0;
  for (; count != 0; --count) {
    const size_t found = find_text(text, old, at);
    if (found == std::string_view::npos) break;
    out += text.substr(at, found - at);
    out += replacement;
    at = found + old.size();
    if (replacement.size() > old.size()) TRY(in.reserve(out.size()));
  }
  out += text.substr(at);
  return out;
}

Result<std::string> justified(Interpreter& in, std::string_view text, int64_t width,
                              std::string_view fill, Justify how) {
  const size_t n_chars = count_chars(text);
  if (width <= static_cast<int64_t>(n_chars)) return std::string(text);
  const size_t n_fill = static_cast<size_t>(width) - n_chars;
  if (n_fill > (size_t{1} << 40)) return over_limit("the width is too large");
  TRY(in.reserve(n_fill * fill.size() + text.size()));
  size_t n_left = how == Justify::kLeft ? 0 : n_fill;
  // Python puts the odd one on the left when the width is odd
  if (how == Justify::kCenter) n_left = n_fill / 2 + (n_fill & static_cast<size_t>(width) & 1);
  std::string out;
  out.reserve(n_fill * fill.size() + text.size());
  for (size_t i = 0; i < n_left; ++i) out += fill;
  out += text;
  for (size_t i = n_left; i < n_fill; ++i) out += fill;
  return out;
}

}  // namespace hearth::text::jinja
