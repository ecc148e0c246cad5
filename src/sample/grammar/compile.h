// SPDX-License-Identifier: MIT
// From a builder's rules to an automaton: Thompson's construction for each rule (K. Thompson,
// "Regular Expression Search Algorithm", 1968), small rules put in place of their calls, states
// that lead nowhere taken out, the subset construction (Rabin and Scott, 1959).
#pragma once
#include <memory>

#include "base/result.h"
#include "sample/grammar/automaton.h"
#include "sample/grammar/builder.h"

namespace hearth::sample {

Result<std::unique_ptr<const Automaton>> compile(const GrammarBuilder& grammar, RuleId root);

}  // namespace hearth::sample
