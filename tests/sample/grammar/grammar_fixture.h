// SPDX-License-Identifier: MIT
// What the tests of grammars share: texts against grammars, and small vocabularies.
#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sample/grammar/automaton.h"
#include "sample/grammar/gbnf.h"
#include "sample/grammar/pushdown.h"
#include "sample/grammar/token_table.h"

namespace hearth::sample::test {

enum class Match { kNo, kBeginning, kWhole };

inline Match match(Pushdown& pushdown, std::string_view text) {
  Position at = pushdown.start();
  for (const char c : text) at = pushdown.step(at, static_cast<uint8_t>(c));
  if (at == kDead) return Match::kNo;
  return pushdown.may_end(at) ? Match::kWhole : Match::kBeginning;
}

inline Match match(const Grammar& grammar, std::string_view text) {
  Pushdown pushdown(grammar.automaton());
  return match(pushdown, text);
}

inline bool matches(const Grammar& grammar, std::string_view text) {
  return match(grammar, text) == Match::kWhole;
}

inline std::shared_ptr<const Grammar> gbnf(std::string_view text) {
  auto grammar = parse_gbnf(text);
  EXPECT_TRUE(grammar.has_value()) << text << "\n" << (grammar ? "" : grammar.error().message);
  return grammar ? *grammar : *parse_gbnf("root ::= \"\"");
}

inline std::string gbnf_error(std::string_view text) {
  const auto grammar = parse_gbnf(text);
  return grammar ? "no error" : grammar.error().message;
}

// Plain tokens, then one that ends the generation.
inline std::shared_ptr<const TokenTable> table_of(const std::vector<std::string>& texts) {
  std::vector<TokenTable::Piece> pieces;
  for (const std::string& text : texts) pieces.push_back({text, {}});
  pieces.push_back({});
  return TokenTable::make(pieces, {static_cast<int32_t>(texts.size())});
}

}  // namespace hearth::sample::test
