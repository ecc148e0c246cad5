// SPDX-License-Identifier: MIT
// What an answer must keep to, as a mask over the vocabulary: compiles grammars and keeps the last
// ones, as programs ask for the same form again and again. Thread rule: one thread.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/job.h"
#include "sample/grammar/mask.h"
#include "sample/token_mask.h"
#include "text/tokenizer.h"

namespace hearth::engine {

class AnswerMasks {
 public:
  // The tokenizer must outlive this.
  explicit AnswerMasks(const text::Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  // At the begin of the job's answers; null where they are free. Errors: the grammar or schema is
  // broken, says what no grammar can, or goes beyond the bounds of sample/grammar/limits.h.
  Result<std::unique_ptr<sample::TokenMask>> make(const Job& job);

 private:
  // Of compiled grammars together, the newest one aside.
  static constexpr size_t kMaxBytes = size_t{64} << 20;
  static constexpr size_t kMaxKept = 32;

  struct Kept {
    Shape shape = Shape::kFree;
    std::string text;
    sample::VocabularyGrammar grammar;
  };
  Result<std::shared_ptr<const sample::Grammar>> compile(Shape shape, const std::string& text);
  void drop_oldest();

  const text::Tokenizer& tokenizer_;
  std::shared_ptr<const sample::TokenTable> table_;  // made when it is first needed
  std::vector<Kept> kept_;                           // the least recently used first
};

}  // namespace hearth::engine
