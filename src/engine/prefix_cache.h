// SPDX-License-Identifier: MIT
// Beginnings of earlier prompts, kept so that a later prompt of the same owner which begins alike
// need not compute them again. Holds sequences of the engine; their pages are shared with whoever
// goes on from them. What goes in must have been computed as a prompt (Role::kPrompt) throughout,
// or by a deterministic engine: then a token's bits are those that the later request would have
// computed itself, and a cached prefix changes no token (docs/design/0003-scheduler.md).
// Thread rule: that of the engine.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"

namespace hearth::engine {

class PrefixCache {
 public:
  // Shorter beginnings are not worth an entry.
  static constexpr int kMinTokens = 16;

  // Holds at most `max_entries` sequences. The engine must outlive the cache.
  PrefixCache(Engine& engine, int max_entries) : engine_(engine), max_entries_(max_entries) {}

  // A new sequence with the longest beginning of `tokens` that is known of this owner, of at most
  // `limit` tokens. Empty where nothing is known, or where no sequence can be opened.
  std::optional<Sequence> find(std::string_view owner, std::span<const int32_t> tokens, int limit);

  // Keeps what `sequence` holds; a copy that shares its pages. The least recently used entry makes
  // way where there is no room. Nothing where an entry covers it already.
  void keep(std::string_view owner, const Sequence& sequence);

  // Drops the entries of this owner that begin with `tokens`, all of them.
  void forget(std::string_view owner, std::span<const int32_t> tokens);

  // Drops the least recently used entry; false where there is none.
  bool drop_oldest();

  size_t n_entries() const { return entries_.size(); }

 private:
  struct Entry {
    std::string owner;
    Sequence sequence;
    uint64_t used = 0;  // when, by now_
  };
  // Whether `a` can be cut back to the n tokens that `b` is.
  bool covers(const Sequence& a, const Sequence& b) const;

  Engine& engine_;
  int max_entries_;
  // Few (tens): comparing all of an owner's takes less time than a token.
  std::vector<Entry> entries_;
  uint64_t now_ = 0;
};

}  // namespace hearth::engine
