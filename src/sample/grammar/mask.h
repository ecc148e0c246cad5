// SPDX-License-Identifier: MIT
// Which tokens a grammar lets come next. For each state of the automaton it is found once which
// tokens are allowed whatever is below it on the stack, and which go on past the end of its rule;
// only those are looked at again for the place at hand, and what was found for a place is kept for
// as long as the text stays there (in a string, for example).
// Source of the split: Dong et al., "XGrammar: Flexible and Efficient Structured Generation Engine
// for Large Language Models" (2024).
#pragma once
#include <cstddef>
#include <memory>

#include "sample/grammar/grammar.h"
#include "sample/grammar/token_table.h"
#include "sample/token_mask.h"

namespace hearth::sample {

class MaskEngine;

// A grammar on a vocabulary. What is found for one answer serves all others.
// Thread rule: any number of threads, each with masks of its own. Memory is bounded: some ten MiB.
class VocabularyGrammar {
 public:
  VocabularyGrammar(std::shared_ptr<const Grammar> grammar,
                    std::shared_ptr<const TokenTable> table);

  // For one answer, at its beginning. It keeps what it needs alive.
  //
  // Where the vocabulary has no token to go on with (it lacks bytes that the grammar asks for), the
  // mask lets the generation end, and accept answers that end with an error.
  std::unique_ptr<TokenMask> mask() const;
  size_t bytes() const;

 private:
  std::shared_ptr<MaskEngine> engine_;
};

inline std::unique_ptr<TokenMask> make_mask(std::shared_ptr<const Grammar> grammar,
                                            std::shared_ptr<const TokenTable> table) {
  return VocabularyGrammar(std::move(grammar), std::move(table)).mask();
}

}  // namespace hearth::sample
