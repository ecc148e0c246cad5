// SPDX-License-Identifier: MIT
#include "text/splitter.h"

#include <algorithm>
#include <array>

#include "text/unicode.h"

namespace hearth::text {
namespace {

uint32_t ascii_bits(uint32_t code) {
  uint32_t bits = 0;
  if (code == '\r' || code == '\n') bits |= kLineBreakChar;
  if (code == ' ') bits |= kBlankChar;
  if (code >= 'a' && code <= 'z') bits |= kAsciiLowerChar;
  if (code >= 'A' && code <= 'Z') bits |= kAsciiUpperChar;
  if (code >= '0' && code <= '9') bits |= kAsciiDigitChar;
  if (code == '/') bits |= kSlashChar;
  if (code == '`') bits |= kGraveChar;
  return bits;
}

uint32_t class_bits(uint32_t code) {
  switch (class_of(code)) {
    case CodePointClass::kLetter:
      return kLetterChar;
    case CodePointClass::kNumber:
      return kNumberChar;
    case CodePointClass::kPunctuation:
      return kPunctuationChar;
    case CodePointClass::kSymbol:
      return kSymbolChar;
    case CodePointClass::kMark:
      return kMarkChar;
    default:
      return 0;
  }
}

bool in_ranges(uint32_t code, CharRanges ranges) {
  const auto after = std::upper_bound(
      ranges.begin(), ranges.end(), code,
      [](uint32_t value, const CodePointRange& range) { return value < range.first; });
  return after != ranges.begin() && code <= after[-1].last;
}

uint32_t bits_of(uint32_t code, const SplitScheme& scheme) {
  uint32_t bits = kAnyChar | class_bits(code);
  if (code < 0x80) {
    bits |= ascii_bits(code);
    if (bits & (kPunctuationChar | kSymbolChar)) bits |= kAsciiMarkChar;
  }
  if (is_white_space(code)) {
    bits |= kSpaceChar;
    // White space beyond ASCII is white space and nothing else, whatever ranges it lies in.
    if (code >= 0x80) return bits;
  }
  for (size_t i = 0; i < scheme.ranges.size(); ++i) {
    if (in_ranges(code, scheme.ranges[i])) bits |= kRangesAChar << i;
  }
  return bits;
}

// The part of a text that one match may look at: words of an earlier pass are closed.
struct Window {
  const Characters& text;
  size_t end;
  // No line break in the white space before here: told by one look, so that a scheme that takes
  // white space in small blocks does not look through a long run again for each.
  mutable size_t break_free_end = 0;

  uint32_t bits(size_t i) const { return i < end ? text.bits[i] : 0; }
  uint32_t code(size_t i) const { return i < end ? text.codes[i] : UINT32_MAX; }
};

constexpr size_t kNoMatch = SIZE_MAX;

// End of a contraction at `i`, or kNoMatch.
size_t match_contraction(const Window& in, size_t i, bool any_case) {
  if (in.code(i) != '\'') return kNoMatch;
  const auto letter = [&](size_t k) {
    const uint32_t code = in.code(k);
    return any_case && code >= 'A' && code <= 'Z' ? code + ('a' - 'A') : code;
  };
  const uint32_t a = letter(i + 1);
  if (a == 's' || a == 't' || a == 'm' || a == 'd') return i + 2;
  const uint32_t b = letter(i + 2);
  const bool two = (a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l');
  return two ? i + 3 : kNoMatch;
}

size_t match_tail(const Window& in, size_t i, Alternative::Tail tail) {
  switch (tail) {
    case Alternative::Tail::kNone:
      return i;
    case Alternative::Tail::kNotBeforeText:
      return i >= in.end || (in.bits(i) & kSpaceChar) ? i : kNoMatch;
    case Alternative::Tail::kMaybeContraction: {
      const size_t end = match_contraction(in, i, true);
      return end == kNoMatch ? i : end;
    }
  }
  return kNoMatch;
}

// Greedy with backtracking; the depth is the number of runs, at most four.
size_t match_runs(const Window& in, size_t i, std::span<const Run> runs, Alternative::Tail tail) {
  if (runs.empty()) return match_tail(in, i, tail);
  const Run& run = runs.front();
  size_t n = 0;
  while (n < run.max && i + n < in.end && run.set.holds(in.bits(i + n))) ++n;
  for (;; --n) {
    if (n < run.min) return kNoMatch;
    const size_t end = match_runs(in, i + n, runs.subspan(1), tail);
    if (end != kNoMatch) return end;
    if (n == 0) return kNoMatch;
  }
}

// \s*[\r\n]+
size_t match_space_to_break(const Window& in, size_t i) {
  if (i < in.break_free_end) return kNoMatch;
  size_t after_break = kNoMatch;
  for (; in.bits(i) & kSpaceChar; ++i) {
    if (in.bits(i) & kLineBreakChar) after_break = i + 1;
  }
  if (after_break == kNoMatch) in.break_free_end = i;
  return after_break;
}

// One letter, then letters and marks, where single blanks between words belong to the run.
size_t match_marked_words(const Window& in, size_t i) {
  if (!(in.bits(i) & kLetterChar)) return kNoMatch;
  for (++i; i < in.end;) {
    if (in.bits(i) & (kLetterChar | kMarkChar)) {
      ++i;
    } else if ((in.bits(i) & kBlankChar) && (in.bits(i + 1) & kLetterChar)) {
      i += 2;
    } else {
      break;
    }
  }
  return i;
}

size_t match_alternative(const Window& in, size_t i, const Alternative& alternative) {
  switch (alternative.kind) {
    case Alternative::Kind::kRuns:
      return match_runs(in, i, std::span(alternative.runs, alternative.n_runs), alternative.tail);
    case Alternative::Kind::kContraction:
      return match_contraction(in, i, false);
    case Alternative::Kind::kAnyCaseContraction:
      return match_contraction(in, i, true);
    case Alternative::Kind::kSpaceToBreak:
      return match_space_to_break(in, i);
    case Alternative::Kind::kMarkedWords: {
      if (alternative.runs[0].set.holds(in.bits(i))) {
        const size_t end = match_marked_words(in, i + 1);
        if (end != kNoMatch) return end;
      }
      return match_marked_words(in, i);
    }
  }
  return kNoMatch;
}

using Ends = std::vector<size_t>;

void find_matches(const Window& in, size_t begin, std::span<const Alternative> alternatives,
                  Ends& ends) {
  size_t word = begin;  // start of what no match has taken yet
  for (size_t i = begin; i < in.end;) {
    size_t end = kNoMatch;
    for (const Alternative& alternative : alternatives) {
      end = match_alternative(in, i, alternative);
      if (end != kNoMatch && end > i) break;
    }
    if (end == kNoMatch || end <= i) {
      ++i;
      continue;
    }
    if (i > word) ends.push_back(i);
    ends.push_back(end);
    word = i = end;
  }
  if (word < in.end) ends.push_back(in.end);
}

void cut_tail_space(const Window& in, size_t begin, Ends& ends) {
  size_t i = in.end;
  while (i > begin && (in.bits(i - 1) & kSpaceChar)) --i;
  if (i > begin) ends.push_back(i);
  if (i < in.end) ends.push_back(in.end);
}

void cut_digit_groups(const Window& in, size_t begin, Ends& ends) {
  size_t done = begin;
  for (size_t i = begin; i < in.end;) {
    size_t n = 0;
    while (in.bits(i + n) & kNumberChar) ++n;
    if (n == 0) {
      ++i;
      continue;
    }
    size_t at = i + n % 3;
    if (n % 3 != 0) ends.push_back(at);
    for (; at < i + n; at += 3) ends.push_back(at + 3);
    done = i = i + n;
  }
  if (done < in.end) ends.push_back(in.end);
}

void cut_thousands(const Window& in, size_t begin, Ends& ends) {
  for (size_t i = begin; i < in.end;) {
    size_t n = 0;
    while (in.bits(i + n) & kAsciiDigitChar) ++n;
    for (size_t left = n - n % 3; left > 0; left -= 3) {
      const size_t at = i + n - left;
      if (at > begin) ends.push_back(at);
    }
    i += std::max<size_t>(n, 1);
  }
  ends.push_back(in.end);
}

void cut_lines(const Window& in, size_t begin, Ends& ends) {
  for (size_t i = begin; i < in.end; ++i) {
    const bool last = i + 1 == in.end;
    if (last || (in.code(i) == '\n') != (in.code(i + 1) == '\n')) ends.push_back(i + 1);
  }
}

void run_pass(const SplitPass& pass, const Window& in, size_t begin, Ends& ends) {
  switch (pass.kind) {
    case SplitPass::Kind::kFind:
      return find_matches(in, begin, pass.alternatives, ends);
    case SplitPass::Kind::kTailSpace:
      return cut_tail_space(in, begin, ends);
    case SplitPass::Kind::kDigitGroups:
      return cut_digit_groups(in, begin, ends);
    case SplitPass::Kind::kThousands:
      return cut_thousands(in, begin, ends);
    case SplitPass::Kind::kLines:
      return cut_lines(in, begin, ends);
  }
}

}  // namespace

Characters make_characters(std::string_view text, const SplitScheme& scheme,
                           std::string& rewritten) {
  std::array<uint32_t, 0x80> ascii;
  for (uint32_t code = 0; code < ascii.size(); ++code) ascii[code] = bits_of(code, scheme);
  Characters out;
  out.codes.reserve(text.size());
  out.bits.reserve(text.size());
  out.begin.reserve(text.size() + 1);
  rewritten.clear();
  bool is_rewritten = false;
  size_t n_bytes = 0;  // of the text as it will be read
  for (size_t i = 0; i < text.size();) {
    const Decoded next = decode_utf8(text, i);
    const size_t width = next.code < 0x80 ? 1 : next.code < 0x800 ? 2 : next.code < 0x10000 ? 3 : 4;
    if (!is_rewritten && (!next.valid || width != next.bytes)) {
      is_rewritten = true;
      rewritten.assign(text.substr(0, i));
    }
    if (is_rewritten) append_utf8(next.code, rewritten);
    out.codes.push_back(next.code);
    out.bits.push_back(next.code < 0x80 ? ascii[next.code] : bits_of(next.code, scheme));
    out.begin.push_back(n_bytes);
    n_bytes += width;
    i += next.bytes;
  }
  out.begin.push_back(n_bytes);
  return out;
}

std::vector<size_t> split_words(const Characters& characters, const SplitScheme& scheme) {
  Ends ends;
  if (characters.codes.empty()) return ends;
  ends.push_back(characters.codes.size());
  Ends finer;
  for (const SplitPass& pass : scheme.passes) {
    finer.clear();
    finer.reserve(ends.size());
    size_t begin = 0;
    for (const size_t end : ends) {
      run_pass(pass, Window{characters, end}, begin, finer);
      begin = end;
    }
    ends.swap(finer);
  }
  return ends;
}

}  // namespace hearth::text
