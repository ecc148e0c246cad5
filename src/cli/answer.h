// SPDX-License-Identifier: MIT
// What `hearth run` does with one prompt: tokens from text or messages, an answer, its JSON.
#pragma once
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "base/function_ref.h"
#include "base/result.h"
#include "cli/engine_options.h"
#include "cli/run_options.h"
#include "engine/generate.h"
#include "engine/job_prompt.h"
#include "text/tokenizer.h"

namespace hearth::cli {

// A model with all that answering needs. One thread.
class Answerer {
 public:
  static Result<std::unique_ptr<Answerer>> make(const RunOptions& options, bool reference);

  // The prompt's tokens: by the chat template, as the server makes them (what a message spells is
  // never a special token), or the text as it is.
  Result<std::vector<int32_t>> encode_messages(const nlohmann::ordered_json& messages);
  std::vector<int32_t> encode_raw(const std::string& text);

  // Answers; Ctrl-C ends the answer early (finish: interrupted).
  Result<engine::GenerateResult> answer(std::vector<int32_t> prompt,
                                        FunctionRef<void(std::string_view)> on_text);

  const LoadedModel& model() const { return model_; }
  engine::Engine& engine() { return *model_.engine; }

 private:
  Answerer() = default;
  RunOptions options_;
  LoadedModel model_;
  std::unique_ptr<text::Tokenizer> tokenizer_;
  std::optional<engine::JobPrompts> prompts_;
  bool has_template_ = false;
  std::optional<engine::Sequence> sequence_;
  std::vector<std::string> prompt_warnings_;  // of the newest prompt
};

// The object that --json prints for an answer.
nlohmann::json answer_json(const engine::GenerateResult& result, double load_ms);

}  // namespace hearth::cli
