// SPDX-License-Identifier: MIT
// The bounds of grammars, which come from outside: what a request may cost, whatever it says. Each
// is far above what grammars and schemas in use need.
#pragma once
#include <cstddef>
#include <cstdint>

namespace hearth::sample {

inline constexpr size_t kMaxGrammarBytes = 1u << 20;  // of a text: GBNF, pattern or JSON schema
inline constexpr int kMaxGrammarDepth = 128;          // of brackets, and of schemas in schemas
inline constexpr size_t kMaxExpressions = 1u << 18;
inline constexpr size_t kMaxRules = 1u << 14;
inline constexpr size_t kMaxStates = 1u << 17;  // of the automaton, about 20 bytes each with edges
inline constexpr size_t kMaxEdges = 1u << 20;
inline constexpr uint32_t kMaxRepeats = 1u << 24;  // the numbers in x{m,n}
// How deep rules may stand in each other in an answer: 128 brackets of JSON. From here on a rule
// is only begun where the answer could not end otherwise.
inline constexpr uint32_t kMaxStackDepth = 128;
// A position of an answer that may be this many things at once is too ambiguous to follow.
inline constexpr size_t kMaxItems = 1024;

}  // namespace hearth::sample
