// SPDX-License-Identifier: MIT
// Compiled grammars of one vocabulary by their text, so that a schema that comes with every request
// is compiled once. In memory alone; bounded in bytes; the one that was asked for longest ago goes
// first (RELIABILITY F09).
// Thread rule: any number of threads; a text that is asked for twice at once may be compiled twice.
#pragma once
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/function_ref.h"
#include "base/result.h"
#include "sample/grammar/mask.h"

namespace hearth::sample {

class GrammarCache {
 public:
  explicit GrammarCache(std::shared_ptr<const TokenTable> table, size_t max_bytes = 256u << 20)
      : table_(std::move(table)), max_bytes_(max_bytes) {}

  // A mask of the grammar under `key`, which has to say everything that makes it: its kind, its
  // text, its options. `make` is called where it is not here; its errors are not kept.
  using Make = FunctionRef<Result<std::shared_ptr<const Grammar>>()>;
  Result<std::unique_ptr<TokenMask>> mask(std::string_view key, Make make);

  size_t bytes() const;
  size_t size() const;
  const std::shared_ptr<const TokenTable>& table() const { return table_; }

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const VocabularyGrammar> grammar;
  };
  std::shared_ptr<const VocabularyGrammar> find(std::string_view key);
  void drop_oldest();
  static size_t bytes_of(const Entry& entry) { return entry.key.size() + entry.grammar->bytes(); }

  std::shared_ptr<const TokenTable> table_;
  size_t max_bytes_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // the one that was asked for last comes first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> index_;  // by Entry::key
};

}  // namespace hearth::sample
