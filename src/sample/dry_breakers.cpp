// SPDX-License-Identifier: MIT
// See dry_breakers.h.
#include "sample/dry_breakers.h"

#include <algorithm>

namespace hearth::sample {
namespace {

constexpr size_t kMaxTail = 20;

}  // namespace

std::vector<TokenSequence> dry_breaker_sequences(
    const std::vector<std::string>& texts, size_t n_vocab,
    FunctionRef<std::string_view(int32_t)> piece,
    FunctionRef<std::vector<int32_t>(std::string_view)> tokenize) {
  std::vector<TokenSequence> sequences;
  for (const std::string_view text : texts) {
    if (text.empty()) continue;
    for (size_t i = 0; i < n_vocab; ++i) {
      const auto id = static_cast<int32_t>(i);
      const std::string_view word = piece(id);
      if (word.find(text) != std::string_view::npos) {
        sequences.push_back({id});
        continue;
      }
      // Every proper beginning of the text that the word ends with.
      for (size_t n = 1; n < text.size() && n <= word.size(); ++n) {
        if (!word.ends_with(text.substr(0, n))) continue;
        const std::vector<int32_t> tail = tokenize(text.substr(n));
        TokenSequence sequence{id};
        sequence.insert(
            sequence.end(), tail.begin(),
            tail.begin() + static_cast<std::ptrdiff_t>(std::min(tail.size(), kMaxTail)));
        sequences.push_back(std::move(sequence));
      }
    }
  }
  std::sort(sequences.begin(), sequences.end());
  sequences.erase(std::unique(sequences.begin(), sequences.end()), sequences.end());
  return sequences;
}

}  // namespace hearth::sample
