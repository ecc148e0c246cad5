// SPDX-License-Identifier: MIT
// What tokenizers and templates ask of Unicode: the class of a code point, white space, case, the
// base character below its accents, and UTF-8: strict, and read the lenient way that vocabularies
// were made with. Source: the Unicode character database (unicode_*.inc; the script that wrote
// them says which version serves whom). Thread-safe.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace hearth::text {

// First letter of the general category. The order is that of scripts/make_unicode_tables.
enum class CodePointClass : uint8_t {
  kUnassigned,
  kLetter,
  kNumber,
  kPunctuation,
  kSymbol,
  kMark,
  kSeparator,
  kControl,  // also format, surrogate and private use
};

inline constexpr uint32_t kReplacement = 0xFFFD;
inline constexpr std::string_view kReplacementUtf8 = "\xEF\xBF\xBD";
inline constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // U+2581: a space in SentencePiece

// What Python's str methods ask. The order is that of scripts/make_unicode_tables.
enum class PythonClass : uint8_t {
  kAlpha,
  kDecimal,
  kDigit,
  kNumeric,
  kUpper,
  kLower,
  kPrintable,
  kTitle,
};

enum class CaseForm : uint8_t { kUpper, kLower, kTitle };

// The full mapping: "ß" in upper case is two characters.
struct CaseChars {
  std::array<char32_t, 3> chars{};
  uint8_t n = 1;
};

CodePointClass class_of(uint32_t code);
bool is_python_class(uint32_t code, PythonClass which);
bool is_white_space(uint32_t code);  // the property White_Space
CaseChars case_form(uint32_t code, CaseForm form);
uint32_t to_lower(uint32_t code);  // first character of the lower case
// First code point of the canonical decomposition: the letter without its accents.
uint32_t base_character(uint32_t code);

void append_utf8(uint32_t code, std::string& out);  // code <= 0x10FFFF; surrogates as 3 bytes

// Bytes of the character that starts with `lead`, judged by `lead` alone; 1 for stray bytes.
inline size_t utf8_length(char lead) {
  constexpr uint8_t kLength[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 4};
  return kLength[static_cast<uint8_t>(lead) >> 4];
}

// One character of text that may hold anything.
struct Decoded {
  uint32_t code = kReplacement;
  uint32_t bytes = 1;
  bool valid = false;  // false: a broken byte, read as U+FFFD
};
// Lenient as the tokenizers' own reader: overlong forms and surrogates count as what they spell,
// every byte that starts no character is one U+FFFD. Needs i < text.size().
Decoded decode_utf8(std::string_view text, size_t i);

// Strict: bytes of the well-formed character at `i` (Unicode table 3-7), or, where it is broken,
// of the longest start of one, at least 1, with `valid` false and `cut` true if text just ends.
struct StrictLength {
  size_t bytes = 1;
  bool valid = false;
  bool cut = false;
};
StrictLength strict_utf8_length(std::string_view text, size_t i);

// Well-formed UTF-8: every broken part becomes U+FFFD (W3C and Unicode: maximal subparts).
std::string to_valid_utf8(std::string_view bytes);

}  // namespace hearth::text
