// SPDX-License-Identifier: MIT
// Splits a text into the words that byte-level BPE may not merge across. A scheme is data: passes
// that refine each other, each an ordered list of alternatives (first that matches wins), each a
// sequence of greedy runs of character sets, with backtracking as regular expressions have it.
// In: valid output of make_characters.  Out: word ends.  Every pass is linear in the text for the
// schemes of pre_tokenizer.cpp: no run is tried again from each of its characters.
// Source: the patterns that the vocabularies were made with, as llama.cpp applies them.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::text {

// What a character is, as bits, so that any set that a pattern names is two masks.
enum CharBit : uint32_t {
  kAnyChar = 1u << 0,
  kLetterChar = 1u << 1,
  kNumberChar = 1u << 2,
  kPunctuationChar = 1u << 3,
  kSymbolChar = 1u << 4,
  kMarkChar = 1u << 5,
  kSpaceChar = 1u << 6,
  kLineBreakChar = 1u << 7,    // CR, LF
  kBlankChar = 1u << 8,        // U+0020
  kAsciiLowerChar = 1u << 9,   // a-z
  kAsciiUpperChar = 1u << 10,  // A-Z
  kAsciiDigitChar = 1u << 11,  // 0-9
  kAsciiMarkChar = 1u << 12,   // the 32 ASCII characters that are punctuation or symbols
  kSlashChar = 1u << 13,
  kGraveChar = 1u << 14,
  kRangesAChar = 1u << 16,  // in CharRanges 0 of the scheme, and so on
  kRangesBChar = 1u << 17,
  kRangesCChar = 1u << 18,
  kRangesDChar = 1u << 19,
};

// Holds a character that has any bit of `any` and no bit of `none`.
struct CharSet {
  uint32_t any = 0;
  uint32_t none = 0;
  constexpr bool holds(uint32_t bits) const { return (bits & any) != 0 && (bits & none) == 0; }
};

// A greedy run: at least `min`, at most `max` characters of `set`.
struct Run {
  CharSet set;
  uint32_t min = 1;
  uint32_t max = UINT32_MAX;
};

struct Alternative {
  enum class Kind : uint8_t {
    kRuns,
    kContraction,         // 's 't 're 've 'm 'll 'd, lower case
    kAnyCaseContraction,  // the same in any case
    kSpaceToBreak,        // white space up to the last line break in a run of it
    kMarkedWords,         // the set runs[0], then letters with marks, words joined by one blank
  };
  enum class Tail : uint8_t {
    kNone,
    kNotBeforeText,     // what follows is white space or the end
    kMaybeContraction,  // takes an any-case contraction along where there is one
  };
  Kind kind = Kind::kRuns;
  Tail tail = Tail::kNone;
  uint8_t n_runs = 0;
  Run runs[4] = {};
};

struct SplitPass {
  enum class Kind : uint8_t {
    kFind,         // words are the matches of `alternatives` and what lies between them
    kTailSpace,    // white space at the very end is a word
    kDigitGroups,  // digits in threes from the right; text before them joins the first group
    kThousands,    // cuts where a multiple of three ASCII digits follows
    kLines,        // runs of line feeds, runs of anything else
  };
  Kind kind = Kind::kFind;
  std::span<const Alternative> alternatives;
};

struct CodePointRange {
  uint32_t first;
  uint32_t last;
};
using CharRanges = std::span<const CodePointRange>;

struct SplitScheme {
  std::span<const SplitPass> passes;
  std::span<const CharRanges> ranges;  // sorted; at most four
};

// A text as the passes see it. `begin` has one more element: the number of bytes.
struct Characters {
  std::vector<uint32_t> codes;
  std::vector<uint32_t> bits;
  std::vector<size_t> begin;
};

// Reads `text` leniently. `rewritten` gets the text with its broken bytes replaced (and is left
// empty where none are broken: then `text` itself is meant).
Characters make_characters(std::string_view text, const SplitScheme& scheme,
                           std::string& rewritten);

// Ends of the words, as indexes of characters, rising; the last is the number of characters.
std::vector<size_t> split_words(const Characters& characters, const SplitScheme& scheme);

}  // namespace hearth::text
