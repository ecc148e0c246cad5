// SPDX-License-Identifier: MIT
#include "sample/grammar/char_set.h"

#include <algorithm>
#include <array>

namespace hearth::sample {
namespace {

constexpr uint32_t kFirstSurrogate = 0xD800;
constexpr uint32_t kLastSurrogate = 0xDFFF;

size_t encode(uint32_t code, std::array<uint8_t, 4>& bytes) {
  const auto tail = [code](int shift) {
    return static_cast<uint8_t>(0x80 | (code >> shift & 0x3F));
  };
  if (code < 0x80) {
    bytes[0] = static_cast<uint8_t>(code);
    return 1;
  }
  if (code < 0x800) {
    bytes = {static_cast<uint8_t>(0xC0 | code >> 6), tail(0)};
    return 2;
  }
  if (code < 0x10000) {
    bytes = {static_cast<uint8_t>(0xE0 | code >> 12), tail(6), tail(0)};
    return 3;
  }
  bytes = {static_cast<uint8_t>(0xF0 | code >> 18), tail(12), tail(6), tail(0)};
  return 4;
}

// The last code point up to which a range that starts at `first` can go on and still be a product
// of byte ranges.
uint32_t end_of_product(uint32_t first, uint32_t last) {
  for (const uint32_t longest : {0x7Fu, 0x7FFu, 0xFFFFu}) {
    if (first <= longest) {
      last = std::min(last, longest);
      break;
    }
  }
  for (int i = 3; i >= 1; --i) {
    const uint32_t low = (1u << (6 * i)) - 1;
    if (first < 0x80 || (first & ~low) == (last & ~low)) continue;
    if ((first & low) != 0) {
      last = first | low;
    } else if ((last & low) != low) {
      last = (last & ~low) - 1;
    }
  }
  return last;
}

}  // namespace

CharSet::CharSet(std::initializer_list<CodeRange> ranges) {
  for (const CodeRange& range : ranges) add(range.first, range.last);
}

void CharSet::add_plain(uint32_t first, uint32_t last) {
  if (first > last) return;
  is_merged_ = ranges_.empty() || (is_merged_ && first > ranges_.back().last + 1);
  ranges_.push_back({first, last});
}

void CharSet::add(uint32_t first, uint32_t last) {
  last = std::min(last, kLastCodePoint);
  if (first > last) return;
  if (first < kFirstSurrogate) add_plain(first, std::min(last, kFirstSurrogate - 1));
  if (last > kLastSurrogate) add_plain(std::max(first, kLastSurrogate + 1), last);
}

void CharSet::add(const CharSet& other) {
  for (const CodeRange& range : std::vector<CodeRange>(other.ranges()))
    add_plain(range.first, range.last);
}

void CharSet::merge() const {
  std::sort(ranges_.begin(), ranges_.end(),
            [](const CodeRange& a, const CodeRange& b) { return a.first < b.first; });
  size_t n = 0;
  for (const CodeRange& range : ranges_) {
    if (n > 0 && range.first <= ranges_[n - 1].last + 1) {
      ranges_[n - 1].last = std::max(ranges_[n - 1].last, range.last);
    } else {
      ranges_[n++] = range;
    }
  }
  ranges_.resize(n);
  is_merged_ = true;
}

const std::vector<CodeRange>& CharSet::ranges() const {
  if (!is_merged_) merge();
  return ranges_;
}

CharSet CharSet::complement() const {
  CharSet result;
  uint32_t next = 0;
  for (const CodeRange& range : ranges()) {
    if (range.first > next) result.add(next, range.first - 1);
    next = range.last + 1;
  }
  result.add(next, kLastCodePoint);
  return result;
}

CharSet CharSet::without(const CharSet& other) const { return both(other.complement()); }

CharSet CharSet::both(const CharSet& other) const {
  CharSet result;
  const auto& a = ranges();
  const auto& b = other.ranges();
  for (size_t i = 0, k = 0; i < a.size() && k < b.size();) {
    result.add(std::max(a[i].first, b[k].first), std::min(a[i].last, b[k].last));
    a[i].last < b[k].last ? ++i : ++k;
  }
  return result;
}

bool CharSet::has(uint32_t code) const {
  const auto& all = ranges();
  const auto after =
      std::upper_bound(all.begin(), all.end(), code,
                       [](uint32_t c, const CodeRange& range) { return c < range.first; });
  return after != all.begin() && code <= std::prev(after)->last;
}

void for_each_spelling(const CharSet& set, FunctionRef<void(std::span<const ByteRange>)> visit) {
  for (const CodeRange& range : set.ranges()) {
    for (uint32_t first = range.first; first <= range.last;) {
      const uint32_t last = end_of_product(first, range.last);
      std::array<uint8_t, 4> low{}, high{};
      const size_t n = encode(first, low);
      encode(last, high);
      std::array<ByteRange, 4> bytes;
      for (size_t i = 0; i < n; ++i) bytes[i] = {low[i], high[i]};
      visit(std::span<const ByteRange>(bytes.data(), n));
      first = last + 1;
    }
  }
}

}  // namespace hearth::sample
