// SPDX-License-Identifier: MIT
// A grammar, ready to say which tokens may come: an automaton over bytes with a stack, one
// deterministic automaton per rule. In: GBNF, a JSON schema, or parts put together with
// GrammarBuilder. Out: see mask.h.
// Thread rule: immutable.
#pragma once
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "base/result.h"

namespace hearth::sample {

struct Automaton;

class Grammar {
 public:
  explicit Grammar(std::unique_ptr<const Automaton> automaton);
  ~Grammar();
  Grammar(const Grammar&) = delete;
  Grammar& operator=(const Grammar&) = delete;

  const Automaton& automaton() const { return *automaton_; }
  size_t bytes() const;  // about what it occupies

 private:
  std::unique_ptr<const Automaton> automaton_;
};

}  // namespace hearth::sample
