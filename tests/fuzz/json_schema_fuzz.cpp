// SPDX-License-Identifier: MIT
// Any bytes as a JSON schema. Oracle: a grammar or an error with a message; of a grammar, every
// text that came to its end is JSON.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/json.h"
#include "sample/grammar/automaton.h"
#include "sample/grammar/json_schema.h"
#include "sample/grammar/pushdown.h"

namespace hearth {
namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void try_schema(std::string_view bytes) {
  const auto grammar = sample::json_schema_grammar(bytes);
  if (!grammar) {
    require(!grammar.error().message.empty());
    return;
  }
  sample::Pushdown pushdown((*grammar)->automaton());
  sample::Position at = pushdown.start();
  std::string text;
  uint32_t choice = static_cast<uint32_t>(bytes.size());
  // Closing brackets and quotes first, so that texts come to their end.
  constexpr std::string_view kFirst = "}]\"e0";
  for (int i = 0; i < 120 && pushdown.can_go_on(at); ++i) {
    sample::Position next = sample::kDead;
    uint8_t byte = 0;
    for (size_t k = 0; k < kFirst.size() + 256 && next == sample::kDead; ++k) {
      byte = k < kFirst.size() && i > 30 ? static_cast<uint8_t>(kFirst[k])
                                         : static_cast<uint8_t>(choice + k);
      next = pushdown.step(at, byte);
    }
    require(next != sample::kDead);
    text += static_cast<char>(byte);
    choice = choice * 1664525 + 1013904223;
    at = next;
    if (pushdown.may_end(at)) require(!parse_ordered_json(text).is_discarded());
  }
}

}  // namespace
}  // namespace hearth

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  hearth::try_schema({reinterpret_cast<const char*>(data), size});
  return 0;
}
