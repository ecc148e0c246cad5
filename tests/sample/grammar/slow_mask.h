// SPDX-License-Identifier: MIT
// What a token mask has to be, by its definition.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "sample/grammar/automaton.h"
#include "sample/grammar/grammar.h"
#include "sample/grammar/pushdown.h"
#include "sample/grammar/token_table.h"

namespace hearth::sample::test {

inline bool has(std::span<const uint64_t> mask, int32_t id) {
  return (mask[static_cast<size_t>(id) / 64] >> (id % 64) & 1) != 0;
}

inline std::vector<int32_t> ids_of(std::span<const uint64_t> mask) {
  std::vector<int32_t> ids;
  for (size_t id = 0; id < mask.size() * 64; ++id) {
    if (has(mask, static_cast<int32_t>(id))) ids.push_back(static_cast<int32_t>(id));
  }
  return ids;
}

// The mask by its definition: each token's bytes, one after the other.
class SlowMask {
 public:
  SlowMask(const Grammar& grammar, const TokenTable& table)
      : pushdown_(grammar.automaton()), table_(table), at_(pushdown_.start()) {}

  std::vector<int32_t> ids() {
    std::vector<int32_t> all;
    for (int32_t id = 0; id < static_cast<int32_t>(table_.n_vocab()); ++id) {
      const bool is_end = table_.ends_generation(id);
      if (is_end ? pushdown_.may_end(at_) : after(id) != kDead) all.push_back(id);
    }
    return all;
  }
  void accept(int32_t id) { at_ = after(id); }

 private:
  Position after(int32_t id) {
    for (const std::string_view spelling : table_.spellings(id)) {
      Position at = at_;
      for (const char c : spelling) at = pushdown_.step(at, static_cast<uint8_t>(c));
      if (at != kDead) return at;
    }
    return kDead;
  }
  Pushdown pushdown_;
  const TokenTable& table_;
  Position at_;
};

}  // namespace hearth::sample::test
