// SPDX-License-Identifier: MIT
// From a job to the tokens of its prompt: the model's chat template, or a text as it is, or what is
// to be filled in. Texts of messages, tools and variables come from anybody: a special token that
// they spell stays plain characters; only what the template itself writes becomes special tokens.
// Thread rule: const after it is made.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/job.h"
#include "text/answer_format.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace hearth::engine {

struct JobPrompt {
  std::string text;             // as the template made it; of kComplete, the prompt
  std::vector<int32_t> tokens;  // of it
  text::AnswerFormat format;    // of what comes after it; kChat
  std::vector<std::string> warnings;
};

class JobPrompts {
 public:
  // `chat_template`: the model's own, or empty. One that is broken is an error only for the jobs
  // that need it. The tokenizer must outlive this; n_ctx bounds what is worth being cut into
  // tokens.
  JobPrompts(std::string_view chat_template, const text::Tokenizer& tokenizer, int n_ctx);

  // Of the kinds kChat, kTemplate, kCount and kComplete. Errors: no template, what the template
  // refuses, a text that cannot fit the context (with numbers).
  Result<JobPrompt> make(const Job& job) const;

  // What the model's own template does, where it has one.
  const std::optional<text::ChatTemplateFacts>& facts() const { return facts_; }

 private:
  Result<JobPrompt> chat(const Job& job) const;
  Result<JobPrompt> complete(const Job& job) const;
  Result<JobPrompt> fill_in(const Job& job) const;
  Result<const text::ChatTemplate*> choose(const Job& job,
                                           std::optional<text::ChatTemplate>& own) const;
  Status add_thinking(const Job& job, const text::ChatTemplateFacts& facts, text::ChatInput& input,
                      std::vector<std::string>& warnings) const;
  Status check_length(size_t n_bytes) const;
  void check_lost(std::string_view text, std::vector<std::string>& warnings) const;

  const text::Tokenizer& tokenizer_;
  int n_ctx_;
  size_t longest_token_ = 1;  // bytes
  nlohmann::ordered_json variables_;
  std::optional<text::ChatTemplate> template_;
  std::optional<text::ChatTemplateFacts> facts_;
  text::AnswerFormat format_;
  Error no_template_;  // why template_ is empty
};

}  // namespace hearth::engine
