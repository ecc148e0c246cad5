// SPDX-License-Identifier: MIT
#include "text/jinja/unicode.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace hearth::text::jinja {
namespace {

struct FlagRun {
  char32_t first;  // the run lasts until the next one begins
  uint8_t flags;
};
struct CaseRun {
  char32_t first, last;
  uint8_t stride;
  int32_t upper, lower, title;  // added to the character
};
struct Expansion {
  char32_t c;
  std::u32string_view upper, lower, title;
};

#include "text/jinja/unicode_case.inc"
#include "text/jinja/unicode_flags.inc"

constexpr char32_t kSpaces[] = {0x85,   0xA0,   0x1680, 0x2000, 0x2001, 0x2002, 0x2003,
                                0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200A,
                                0x2028, 0x2029, 0x202F, 0x205F, 0x3000};

char32_t shifted(char32_t c, int32_t delta) {
  return static_cast<char32_t>(static_cast<int32_t>(c) + delta);
}

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

}  // namespace

char32_t decode_char(std::string_view text, size_t& at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(at);
  if (lead < 0x80) return text[at++];
  const int n_more = lead >= 0xF0 && lead < 0xF5   ? 3
                     : lead >= 0xE0 && lead < 0xF0 ? 2
                     : lead >= 0xC2 && lead < 0xE0 ? 1
                                                   : 0;
  const char32_t ill_formed = kIllFormed + lead;
  if (n_more == 0 || text.size() - at <= static_cast<size_t>(n_more)) return ++at, ill_formed;
  char32_t c = lead & (0x3F >> n_more);
  for (int i = 1; i <= n_more; ++i) {
    if (!is_continuation(text[at + i])) return ++at, ill_formed;
    c = c << 6 | (byte(at + i) & 0x3F);
  }
  constexpr char32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
  if (c < kLeast[n_more] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) return ++at, ill_formed;
  at += n_more + 1;
  return c;
}

void append_char(std::string& out, char32_t c) {
  if (c >= kIllFormed) {
    out += static_cast<char>(c - kIllFormed);
  } else if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool is_valid_utf8(std::string_view text) {
  for (size_t at = 0; at < text.size();)
    if (decode_char(text, at) >= kIllFormed) return false;
  return true;
}

size_t count_chars(std::string_view text) {
  size_t n_chars = 0;
  for (size_t at = 0; at < text.size(); ++n_chars) decode_char(text, at);
  return n_chars;
}

size_t byte_offset(std::string_view text, size_t i_char) {
  size_t at = 0;
  for (; i_char > 0 && at < text.size(); --i_char) decode_char(text, at);
  return at;
}

size_t previous_char(std::string_view text, size_t end) {
  for (size_t length = std::min<size_t>(end, 4); length > 1; --length) {
    size_t at = end - length;
    if (decode_char(text, at) < kIllFormed && at == end) return end - length;
  }
  return end - 1;
}

bool has_class(char32_t c, CharClass which) {
  if (c > 0x10FFFF) return false;
  const auto next =
      std::upper_bound(std::begin(kFlagRuns), std::end(kFlagRuns), c,
                       [](char32_t value, const FlagRun& run) { return value < run.first; });
  return std::prev(next)->flags >> static_cast<int>(which) & 1;
}

bool is_all_case(std::string_view text, CharClass which) {
  bool any = false;
  for (size_t at = 0; at < text.size();) {
    const char32_t c = decode_char(text, at);
    if (!is_cased(c)) continue;
    if (!has_class(c, which)) return false;
    any = true;
  }
  return any;
}

bool is_space(char32_t c) {
  if (c < 0x80) return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20);
  return std::binary_search(std::begin(kSpaces), std::end(kSpaces), c);
}

bool is_line_break(char32_t c) {
  return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

void append_case(std::string& out, char32_t c, CaseForm form) {
  const auto expansion =
      std::lower_bound(std::begin(kExpansions), std::end(kExpansions), c,
                       [](const Expansion& entry, char32_t value) { return entry.c < value; });
  if (expansion != std::end(kExpansions) && expansion->c == c) {
    for (const char32_t part : form == CaseForm::kUpper   ? expansion->upper
                               : form == CaseForm::kLower ? expansion->lower
                                                          : expansion->title)
      append_char(out, part);
    return;
  }
  const auto run =
      std::lower_bound(std::begin(kCaseRuns), std::end(kCaseRuns), c,
                       [](const CaseRun& entry, char32_t value) { return entry.last < value; });
  if (run == std::end(kCaseRuns) || c < run->first || (c - run->first) % run->stride != 0)
    return append_char(out, c);
  append_char(out, shifted(c, form == CaseForm::kUpper   ? run->upper
                              : form == CaseForm::kLower ? run->lower
                                                         : run->title));
}

namespace {
std::string with_case(std::string_view text, CaseForm form) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) append_case(out, decode_char(text, at), form);
  return out;
}
}  // namespace

std::string to_upper(std::string_view text) { return with_case(text, CaseForm::kUpper); }
std::string to_lower(std::string_view text) { return with_case(text, CaseForm::kLower); }

std::string_view strip_left(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    size_t next = at;
    if (!is_space(decode_char(text, next))) break;
    at = next;
  }
  return text.substr(at);
}

std::string_view strip_right(std::string_view text) {
  while (!text.empty()) {
    const size_t start = previous_char(text, text.size());
    size_t at = start;
    if (!is_space(decode_char(text, at))) break;
    text = text.substr(0, start);
  }
  return text;
}

}  // namespace hearth::text::jinja
