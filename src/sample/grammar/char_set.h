// SPDX-License-Identifier: MIT
// Sets of Unicode characters, and how they are spelled as bytes of UTF-8. Surrogates are no
// characters and never in a set.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "base/function_ref.h"

namespace hearth::sample {

inline constexpr uint32_t kLastCodePoint = 0x10FFFF;

struct CodeRange {
  uint32_t first = 0, last = 0;  // both belong to it
  bool operator==(const CodeRange&) const = default;
};

class CharSet {
 public:
  CharSet() = default;
  CharSet(std::initializer_list<CodeRange> ranges);
  static CharSet all() { return CharSet({{0, kLastCodePoint}}); }

  // Parts beyond the last code point and surrogates are left out.
  void add(uint32_t first, uint32_t last);
  void add(const CharSet& other);
  CharSet complement() const;
  CharSet without(const CharSet& other) const;
  CharSet both(const CharSet& other) const;

  bool has(uint32_t code) const;
  bool is_empty() const { return ranges().empty(); }
  // Sorted, apart from each other.
  const std::vector<CodeRange>& ranges() const;
  bool operator==(const CharSet& other) const { return ranges() == other.ranges(); }

 private:
  void add_plain(uint32_t first, uint32_t last);
  void merge() const;
  mutable std::vector<CodeRange> ranges_;
  mutable bool is_merged_ = true;
};

struct ByteRange {
  uint8_t first = 0, last = 0;
};

// The spellings of all characters of `set`: sequences of one to four byte ranges, no two of which
// share a spelling. Method: ranges are cut where the number of bytes changes and where a
// continuation byte would not run through all its values (K. Thompson's grep, as R. Cox describes
// it).
void for_each_spelling(const CharSet& set, FunctionRef<void(std::span<const ByteRange>)> visit);

}  // namespace hearth::sample
