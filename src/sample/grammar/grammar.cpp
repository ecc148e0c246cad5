// SPDX-License-Identifier: MIT
#include "sample/grammar/grammar.h"

#include <utility>

#include "sample/grammar/automaton.h"

namespace hearth::sample {

Grammar::Grammar(std::unique_ptr<const Automaton> automaton) : automaton_(std::move(automaton)) {}
Grammar::~Grammar() = default;

size_t Grammar::bytes() const {
  const Automaton& a = *automaton_;
  return sizeof(Automaton) + a.states.size() * sizeof(State) + a.edges.size() * sizeof(ByteEdge) +
         a.calls.size() * sizeof(CallEdge) + a.rules.size() * sizeof(AutomatonRule);
}

}  // namespace hearth::sample
