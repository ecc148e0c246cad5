// SPDX-License-Identifier: MIT
// Token masks of any grammar: GBNF, a NUL, bytes that choose tokens. The vocabulary has all bytes
// and pieces of the grammar's own text, so that tokens run over the ends of its literals and rules.
// Oracle: the mask by its definition, each token's bytes one after the other.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sample/grammar/gbnf.h"
#include "sample/grammar/mask.h"
#include "tests/sample/grammar/slow_mask.h"

namespace hearth {
namespace {

constexpr size_t kPieces = 200;

void require(bool condition) {
  if (!condition) std::abort();
}

std::shared_ptr<const sample::TokenTable> vocabulary(std::string_view grammar) {
  std::vector<sample::TokenTable::Piece> pieces;
  for (int byte = 0; byte < 256; ++byte) {
    pieces.push_back({std::string(1, static_cast<char>(byte)), {}});
  }
  const size_t n = std::min(kPieces, grammar.size());
  for (size_t i = 0; i < n; ++i) {
    const size_t at = i * grammar.size() / n;
    pieces.push_back({std::string(grammar.substr(at, 2 + i % 5)), {}});
  }
  pieces.push_back({});
  const auto end = static_cast<int32_t>(pieces.size() - 1);
  return sample::TokenTable::make(pieces, {end});
}

void try_masks(std::string_view bytes) {
  const size_t cut = bytes.find('\0');
  if (cut == std::string_view::npos) return;
  const auto grammar = sample::parse_gbnf(bytes.substr(0, cut));
  if (!grammar) return;
  const auto table = vocabulary(bytes.substr(0, cut));
  const auto mask = sample::make_mask(*grammar, table);
  sample::test::SlowMask slow(**grammar, *table);
  for (const char choice : bytes.substr(cut + 1, 24)) {
    const auto ids = sample::test::ids_of(mask->allowed());
    require(ids == slow.ids() && !ids.empty());
    require(mask->complete() == (ids.size() == 1 && table->ends_generation(ids[0])));
    const int32_t id = ids[static_cast<uint8_t>(choice) * 7919u % ids.size()];
    require(mask->accept(id).has_value());
    if (table->ends_generation(id)) return;
    slow.accept(id);
  }
}

}  // namespace
}  // namespace hearth

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  hearth::try_masks({reinterpret_cast<const char*>(data), size});
  return 0;
}
