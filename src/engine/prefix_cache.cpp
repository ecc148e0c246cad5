// SPDX-License-Identifier: MIT
#include "engine/prefix_cache.h"

#include <algorithm>

namespace hearth::engine {
namespace {

int n_common(std::span<const int32_t> a, std::span<const int32_t> b) {
  const size_t n = std::min(a.size(), b.size());
  return static_cast<int>(
      std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(n), b.begin()).first -
      a.begin());
}

}  // namespace

std::optional<Sequence> PrefixCache::find(std::string_view owner, std::span<const int32_t> tokens,
                                          int limit) {
  Entry* best = nullptr;
  int n_best = 0;
  for (Entry& entry : entries_) {
    if (entry.owner != owner) continue;
    const int n = std::min(limit, n_common(entry.sequence.tokens(), tokens));
    if (n > n_best && engine_.can_truncate(entry.sequence, n)) {
      best = &entry;
      n_best = n;
    }
  }
  if (best == nullptr) return std::nullopt;
  best->used = ++now_;
  auto copy = engine_.fork(best->sequence);
  if (!copy) return std::nullopt;
  copy->truncate(n_best);
  return std::move(*copy);
}

bool PrefixCache::covers(const Sequence& a, const Sequence& b) const {
  return n_common(a.tokens(), b.tokens()) == b.n_tokens() && engine_.can_truncate(a, b.n_tokens());
}

void PrefixCache::keep(std::string_view owner, const Sequence& sequence) {
  if (max_entries_ == 0 || sequence.n_tokens() < kMinTokens) return;
  for (Entry& entry : entries_) {
    if (entry.owner != owner || !covers(entry.sequence, sequence)) continue;
    entry.used = ++now_;
    return;
  }
  std::erase_if(entries_, [&](const Entry& entry) {
    return entry.owner == owner && covers(sequence, entry.sequence);
  });
  while (entries_.size() >= static_cast<size_t>(max_entries_)) drop_oldest();
  auto copy = engine_.fork(sequence);
  if (!copy) return;
  copy->truncate(copy->n_tokens());  // gives back pages that were taken for tokens to come
  entries_.push_back({std::string(owner), std::move(*copy), ++now_});
}

void PrefixCache::forget(std::string_view owner, std::span<const int32_t> tokens) {
  std::erase_if(entries_, [&](const Entry& entry) {
    return entry.owner == owner &&
           n_common(entry.sequence.tokens(), tokens) == static_cast<int>(tokens.size());
  });
}

bool PrefixCache::drop_oldest() {
  const auto oldest =
      std::min_element(entries_.begin(), entries_.end(),
                       [](const Entry& a, const Entry& b) { return a.used < b.used; });
  if (oldest == entries_.end()) return false;
  entries_.erase(oldest);
  return true;
}

}  // namespace hearth::engine
