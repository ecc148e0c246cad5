// SPDX-License-Identifier: MIT
#include "text/unicode.h"

#include <algorithm>
#include <iterator>
#include <vector>

namespace hearth::text {
namespace {

struct CaseRun {
  char32_t first, last;
  uint8_t step;
  int32_t upper, lower, title;  // added to the character
};
struct Expansion {
  char32_t code;
  std::u32string_view upper, lower, title;
};

#include "text/unicode_bases.inc"
#include "text/unicode_case.inc"
#include "text/unicode_classes.inc"

// A row of kFactRuns.
constexpr int kFactBits = 11;
constexpr int kPythonBits = 8;

// Code points below this (all that people write with) are looked up directly; above, by search.
constexpr uint32_t kDirect = 0x32400;
constexpr uint32_t kLastCode = 0x10FFFF;
constexpr uint32_t kHangulFirst = 0xAC00;
constexpr uint32_t kHangulLast = 0xD7A3;
constexpr uint32_t kHangulPerLead = 588;  // Unicode section 3.12: vowels * trails
constexpr uint32_t kHangulLeads = 0x1100;

uint16_t facts_in(uint32_t run) { return static_cast<uint16_t>(run & ((1u << kFactBits) - 1)); }

uint16_t search_facts(uint32_t code) {
  constexpr uint32_t kAllFacts = (1u << kFactBits) - 1;
  const auto* next =
      std::upper_bound(std::begin(kFactRuns), std::end(kFactRuns), code << kFactBits | kAllFacts);
  return facts_in(next[-1]);
}

const std::vector<uint16_t>& direct_facts() {
  static const std::vector<uint16_t> facts = [] {
    std::vector<uint16_t> table(kDirect);
    for (size_t i = 0; i < std::size(kFactRuns); ++i) {
      const uint32_t first = kFactRuns[i] >> kFactBits;
      if (first >= kDirect) break;
      const uint32_t end =
          i + 1 < std::size(kFactRuns) ? std::min(kFactRuns[i + 1] >> kFactBits, kDirect) : kDirect;
      std::fill(table.begin() + first, table.begin() + end, facts_in(kFactRuns[i]));
    }
    return table;
  }();
  return facts;
}

// CodePointClass << kPythonBits | one bit for each PythonClass; 0 beyond Unicode.
uint16_t facts_of(uint32_t code) {
  if (code < kDirect) return direct_facts()[code];
  return code > kLastCode ? uint16_t{0} : search_facts(code);
}

bool continues(std::string_view text, size_t i) {
  return i < text.size() && (static_cast<uint8_t>(text[i]) & 0xC0) == 0x80;
}

}  // namespace

CodePointClass class_of(uint32_t code) {
  return static_cast<CodePointClass>(facts_of(code) >> kPythonBits);
}

bool is_python_class(uint32_t code, PythonClass which) {
  return facts_of(code) >> static_cast<int>(which) & 1;
}

bool is_white_space(uint32_t code) {
  if (code < 0x80) return code == ' ' || (code >= 0x09 && code <= 0x0D);
  return code == 0x85 || code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) ||
         code == 0x2028 || code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
}

CaseChars case_form(uint32_t code, CaseForm form) {
  const auto pick = [form](const auto& row) {
    return form == CaseForm::kUpper ? row.upper : form == CaseForm::kLower ? row.lower : row.title;
  };
  CaseChars out{{code}, 1};
  const auto* expansion =
      std::lower_bound(std::begin(kExpansions), std::end(kExpansions), code,
                       [](const Expansion& row, uint32_t value) { return row.code < value; });
  if (expansion != std::end(kExpansions) && expansion->code == code) {
    const std::u32string_view chars = pick(*expansion);
    std::copy(chars.begin(), chars.end(), out.chars.begin());
    out.n = static_cast<uint8_t>(chars.size());
    return out;
  }
  const auto* run =
      std::lower_bound(std::begin(kCaseRuns), std::end(kCaseRuns), code,
                       [](const CaseRun& row, uint32_t value) { return row.last < value; });
  if (run == std::end(kCaseRuns) || code < run->first || (code - run->first) % run->step != 0) {
    return out;
  }
  out.chars[0] = static_cast<char32_t>(static_cast<int32_t>(code) + pick(*run));
  return out;
}

uint32_t to_lower(uint32_t code) {
  if (code < 0x80) return code >= 'A' && code <= 'Z' ? code + ('a' - 'A') : code;
  return case_form(code, CaseForm::kLower).chars[0];
}

uint32_t base_character(uint32_t code) {
  if (code < 0xC0) return code;
  if (code >= kHangulFirst && code <= kHangulLast) {
    return kHangulLeads + (code - kHangulFirst) / kHangulPerLead;
  }
  const uint64_t key = static_cast<uint64_t>(code) << 32;
  const auto* pair = std::lower_bound(std::begin(kBaseCharacters), std::end(kBaseCharacters), key);
  if (pair == std::end(kBaseCharacters) || *pair >> 32 != code) return code;
  return static_cast<uint32_t>(*pair);
}

void append_utf8(uint32_t code, std::string& out) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

Decoded decode_utf8(std::string_view text, size_t i) {
  const uint32_t lead = static_cast<uint8_t>(text[i]);
  const auto low = [&](size_t k) { return static_cast<uint32_t>(text[i + k]) & 0x3F; };
  if (lead < 0x80) return {lead, 1, true};
  if (lead < 0xC0 || lead >= 0xF8 || !continues(text, i + 1)) return {};
  if (lead < 0xE0) return {(lead & 0x1F) << 6 | low(1), 2, true};
  if (!continues(text, i + 2)) return {};
  if (lead < 0xF0) return {(lead & 0x0F) << 12 | low(1) << 6 | low(2), 3, true};
  if (!continues(text, i + 3)) return {};
  const uint32_t code = (lead & 0x07) << 18 | low(1) << 12 | low(2) << 6 | low(3);
  if (code > 0x10FFFF) return {};
  return {code, 4, true};
}

StrictLength strict_utf8_length(std::string_view text, size_t i) {
  const uint8_t lead = static_cast<uint8_t>(text[i]);
  if (lead < 0x80) return {1, true, false};
  if (lead < 0xC2 || lead > 0xF4) return {};
  const size_t whole = utf8_length(text[i]);
  for (size_t k = 1; k < whole; ++k) {
    if (i + k >= text.size()) return {k, false, true};
    const uint8_t byte = static_cast<uint8_t>(text[i + k]);
    uint8_t first = 0x80;
    uint8_t last = 0xBF;
    if (k == 1) {  // the second byte rules out overlong forms, surrogates, and beyond U+10FFFF
      if (lead == 0xE0) first = 0xA0;
      if (lead == 0xED) last = 0x9F;
      if (lead == 0xF0) first = 0x90;
      if (lead == 0xF4) last = 0x8F;
    }
    if (byte < first || byte > last) return {k, false, false};
  }
  return {whole, true, false};
}

std::string to_valid_utf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (size_t i = 0; i < bytes.size();) {
    const StrictLength next = strict_utf8_length(bytes, i);
    out += next.valid ? bytes.substr(i, next.bytes) : kReplacementUtf8;
    i += next.bytes;
  }
  return out;
}

}  // namespace hearth::text
