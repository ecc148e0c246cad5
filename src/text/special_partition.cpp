// SPDX-License-Identifier: MIT
#include "text/special_partition.h"

#include <algorithm>

namespace hearth::text {
namespace {

constexpr uint16_t kSpecial = kControlToken | kUserDefinedToken | kUnknownToken;

size_t two_bytes(char first, char second) {
  return static_cast<size_t>(static_cast<uint8_t>(first)) << 8 | static_cast<uint8_t>(second);
}

// White space as C's isspace has it in the C locale.
bool is_ascii_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// A place where a special token stands, before it is known whether another one takes it.
struct Candidate {
  uint32_t rank;
  size_t begin;
  bool operator<(const Candidate& other) const {
    return rank != other.rank ? rank < other.rank : begin < other.begin;
  }
};

}  // namespace

SpecialPartition::SpecialPartition(const Vocab& vocab) {
  for (size_t i = 0; i < vocab.size(); ++i) {
    if (vocab.is(static_cast<TokenId>(i), kSpecial)) ids_.push_back(static_cast<TokenId>(i));
  }
  // Not stable on purpose: llama.cpp sorts the same list the same way, and tokens of one length
  // that overlap in a text are decided by this order.
  std::sort(ids_.begin(), ids_.end(),
            [&](TokenId a, TokenId b) { return vocab.text(a).size() > vocab.text(b).size(); });
  index_ = FlatIndex(ids_.size());
  for (size_t rank = 0; rank < ids_.size(); ++rank) {
    const std::string_view text = vocab.text(ids_[rank]);
    // Texts are distinct; a crowded index only happens to a file that asks for it.
    index_.add(hash_bytes(text), static_cast<uint32_t>(rank), [](uint32_t) { return false; });
    if (lengths_.empty() || lengths_.back() != text.size()) lengths_.push_back(text.size());
    for (size_t second = 0; second < 256; ++second) {
      if (text.size() > 1 && second != static_cast<uint8_t>(text[1])) continue;
      starts_.set(two_bytes(text[0], static_cast<char>(second)));
    }
  }
}

std::vector<size_t> SpecialPartition::possible_starts(std::string_view text) const {
  std::vector<size_t> starts;
  if (ids_.empty()) return starts;
  for (size_t i = 0; i < text.size(); ++i) {
    const char second = i + 1 < text.size() ? text[i + 1] : '\0';
    if (starts_.test(two_bytes(text[i], second)) || i + 1 == text.size()) starts.push_back(i);
  }
  return starts;
}

std::vector<SpecialPartition::Taken> SpecialPartition::find(std::string_view text,
                                                            bool parse_special,
                                                            const Vocab& vocab) const {
  const uint16_t ignored = parse_special ? 0 : kControlToken | kUnknownToken;
  const std::vector<size_t> starts = possible_starts(text);
  std::vector<Taken> taken;
  if (starts.empty()) return taken;
  std::vector<bool> is_taken(text.size());
  std::vector<Candidate> candidates;
  for (const size_t length : lengths_) {
    candidates.clear();
    for (const size_t begin : starts) {
      if (length > text.size() - begin) break;
      const std::string_view part = text.substr(begin, length);
      const uint32_t rank =
          index_.find(hash_bytes(part), [&](uint32_t k) { return vocab.text(ids_[k]) == part; });
      if (rank == FlatIndex::kNone || vocab.is(ids_[rank], ignored)) continue;
      candidates.push_back({rank, begin});
    }
    std::sort(candidates.begin(), candidates.end());
    for (const Candidate& candidate : candidates) {
      size_t begin = candidate.begin;
      size_t end = begin + length;
      // What is taken already is at least as long as this, so looking at both ends is enough.
      if (is_taken[begin] || is_taken[end - 1]) continue;
      const TokenId id = ids_[candidate.rank];
      if (vocab.is(id, kEatsSpaceBefore)) {
        while (begin > 0 && !is_taken[begin - 1] && is_ascii_space(text[begin - 1])) --begin;
      }
      if (vocab.is(id, kEatsSpaceAfter)) {
        while (end < text.size() && !is_taken[end] && is_ascii_space(text[end])) ++end;
      }
      for (size_t i = begin; i < end; ++i) is_taken[i] = true;
      taken.push_back({begin, end, id});
    }
  }
  std::sort(taken.begin(), taken.end(),
            [](const Taken& a, const Taken& b) { return a.begin < b.begin; });
  return taken;
}

std::vector<Fragment> SpecialPartition::split(std::string_view text, bool parse_special,
                                              const Vocab& vocab) const {
  std::vector<Fragment> fragments;
  size_t done = 0;
  for (const Taken& token : find(text, parse_special, vocab)) {
    if (token.begin > done) {
      fragments.push_back({kNoToken, text.substr(done, token.begin - done)});
    }
    fragments.push_back({token.id, text.substr(token.begin, token.end - token.begin)});
    done = token.end;
  }
  if (done < text.size()) fragments.push_back({kNoToken, text.substr(done)});
  return fragments;
}

bool SpecialPartition::ends_inside_control(std::string_view text, const Vocab& vocab) const {
  return std::any_of(ids_.begin(), ids_.end(), [&](TokenId id) {
    if (!vocab.is(id, kControlToken)) return false;
    const std::string_view token = vocab.text(id);
    for (size_t n = std::min(token.size() - 1, text.size()); n > 0; --n) {
      if (text.ends_with(token.substr(0, n))) return true;
    }
    return false;
  });
}

}  // namespace hearth::text
