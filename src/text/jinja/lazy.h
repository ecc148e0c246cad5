// SPDX-License-Identifier: MIT
// One-shot iterators made of a function that runs when the first item is asked for.
#pragma once
#include <utility>
#include <vector>

#include "text/jinja/interpreter.h"

namespace hearth::text::jinja {

// `make` is Result<std::vector<Value>>(Interpreter&), called at most once.
template <class Make>
Value lazy(Interpreter& in, Make make) {
  struct State {
    Make make;
    bool started = false;
    std::vector<Value> items;
    size_t at = 0;
  };
  return Value(in.heap().object<Iterator>(
      [state = State{std::move(make)}](Interpreter& inner, Value& item) mutable -> Result<bool> {
        if (!state.started) {
          state.started = true;
          TRY_LET(state.items, state.make(inner));
          inner.heap().charge(state.items.size() * sizeof(Value));
        }
        if (state.at >= state.items.size()) return false;
        item = state.items[state.at++];
        return true;
      }));
}

}  // namespace hearth::text::jinja
