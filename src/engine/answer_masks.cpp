// SPDX-License-Identifier: MIT
#include "engine/answer_masks.h"

#include <algorithm>
#include <utility>

#include "sample/grammar/gbnf.h"
#include "sample/grammar/json_schema.h"

namespace hearth::engine {

Result<std::shared_ptr<const sample::Grammar>> AnswerMasks::compile(Shape shape,
                                                                    const std::string& text) {
  if (shape == Shape::kGrammar) return within("grammar", sample::parse_gbnf(text));
  if (shape == Shape::kJsonObject) return sample::json_object_grammar();
  return within("JSON schema", sample::json_schema_grammar(std::string_view(text)));
}

Result<std::unique_ptr<sample::TokenMask>> AnswerMasks::make(const Job& job) {
  if (job.shape == Shape::kFree) return nullptr;
  const auto at = std::find_if(kept_.begin(), kept_.end(), [&](const Kept& kept) {
    return kept.shape == job.shape && kept.text == job.shape_text;
  });
  if (at != kept_.end()) {
    std::rotate(at, at + 1, kept_.end());
    return kept_.back().grammar.mask();
  }
  TRY_LET(auto grammar, compile(job.shape, job.shape_text));
  if (table_ == nullptr) table_ = sample::TokenTable::make(tokenizer_);
  kept_.push_back({job.shape, job.shape_text, {std::move(grammar), table_}});
  drop_oldest();
  return kept_.back().grammar.mask();
}

void AnswerMasks::drop_oldest() {
  size_t bytes = 0;
  for (const Kept& kept : kept_) bytes += kept.grammar.bytes() + kept.text.size();
  while (kept_.size() > 1 && (kept_.size() > kMaxKept || bytes > kMaxBytes)) {
    bytes -= kept_.front().grammar.bytes() + kept_.front().text.size();
    kept_.erase(kept_.begin());
  }
}

}  // namespace hearth::engine
