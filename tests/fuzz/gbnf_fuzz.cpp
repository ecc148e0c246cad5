// SPDX-License-Identifier: MIT
// Any bytes as a GBNF grammar. Oracle: a grammar or an error with a message; of a grammar, random
// texts that are followed byte by byte are alive to their end.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "sample/grammar/automaton.h"
#include "sample/grammar/gbnf.h"
#include "sample/grammar/pushdown.h"

namespace hearth {
namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void try_grammar(std::string_view bytes) {
  const auto grammar = sample::parse_gbnf(bytes);
  if (!grammar) {
    require(!grammar.error().message.empty());
    return;
  }
  sample::Pushdown pushdown((*grammar)->automaton());
  sample::Position at = pushdown.start();
  require(at != sample::kDead);
  uint32_t choice = static_cast<uint32_t>(bytes.size());
  for (int i = 0; i < 40 && pushdown.can_go_on(at); ++i) {
    sample::Position next = sample::kDead;
    for (uint32_t k = 0; k < 256 && next == sample::kDead; ++k)
      next = pushdown.step(at, static_cast<uint8_t>(choice + k));
    require(next != sample::kDead);
    choice = choice * 1664525 + 1013904223;
    at = next;
  }
}

}  // namespace
}  // namespace hearth

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  hearth::try_grammar({reinterpret_cast<const char*>(data), size});
  return 0;
}
