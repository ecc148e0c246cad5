// SPDX-License-Identifier: MIT
// What an answer must keep to, as a mask over the vocabulary: compiles grammars and keeps them,
// as programs ask for the same form again and again. Thread rule: one thread.
#pragma once
#include <cstddef>
#include <memory>
#include <optional>

#include "base/result.h"
#include "engine/job.h"
#include "engine/job_prompt.h"
#include "sample/grammar/cache.h"
#include "sample/token_mask.h"
#include "text/tokenizer.h"

namespace hearth::engine {

class AnswerMasks {
 public:
  // The tokenizer must outlive this.
  explicit AnswerMasks(const text::Tokenizer& tokenizer) : tokenizer_(tokenizer) {}

  // At the begin of the job's answers, which come after `prompt`; null where they are free. What is
  // asked for and cannot be held is told in its warnings. Errors: the grammar or schema is broken,
  // says what no grammar can, or goes beyond the bounds of sample/grammar/limits.h; a tool that
  // must be called is not there.
  Result<std::unique_ptr<sample::TokenMask>> make(const Job& job, JobPrompt& prompt);

 private:
  // Of compiled grammars together.
  static constexpr size_t kMaxBytes = size_t{64} << 20;

  Result<std::shared_ptr<const sample::Grammar>> compile_calls(const Job& job,
                                                               const JobPrompt& prompt) const;
  Result<std::shared_ptr<const sample::Grammar>> compile_shape(const Job& job,
                                                               const JobPrompt& prompt) const;

  const text::Tokenizer& tokenizer_;
  std::optional<sample::GrammarCache> cache_;  // made when it is first needed
};

}  // namespace hearth::engine
