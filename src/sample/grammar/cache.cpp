// SPDX-License-Identifier: MIT
#include "sample/grammar/cache.h"

#include <utility>

namespace hearth::sample {

std::shared_ptr<const VocabularyGrammar> GrammarCache::find(std::string_view key) {
  const auto known = index_.find(key);
  if (known == index_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, known->second);
  return entries_.front().grammar;
}

Result<std::unique_ptr<TokenMask>> GrammarCache::mask(std::string_view key, Make make) {
  {
    const std::lock_guard lock(mutex_);
    drop_oldest();
    if (const auto known = find(key)) return known->mask();
  }
  TRY_LET(std::shared_ptr<const Grammar> grammar, make());
  auto made = std::make_shared<const VocabularyGrammar>(std::move(grammar), table_);
  const std::lock_guard lock(mutex_);
  if (const auto known = find(key)) return known->mask();
  entries_.push_front({std::string(key), made});
  index_.emplace(entries_.front().key, entries_.begin());
  drop_oldest();
  return made->mask();
}

// A grammar grows while it is used, so all are counted anew; the newest one always stays.
void GrammarCache::drop_oldest() {
  size_t all = 0;
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    all += bytes_of(*entry);
    const auto at = entry++;
    if (all <= max_bytes_ || at == entries_.begin()) continue;
    all -= bytes_of(*at);
    index_.erase(at->key);
    entries_.erase(at);
  }
}

size_t GrammarCache::bytes() const {
  const std::lock_guard lock(mutex_);
  size_t all = 0;
  for (const Entry& entry : entries_) all += bytes_of(entry);
  return all;
}

size_t GrammarCache::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace hearth::sample
