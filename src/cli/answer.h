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
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace hearth::cli {

// A model with all that answering needs. One thread.
class Answerer {
 public:
  static Result<std::unique_ptr<Answerer>> make(const RunOptions& options, bool reference);

  // The prompt's tokens: by the chat template, or the text as it is.
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
  std::optional<text::ChatTemplate> template_;
  std::optional<engine::Sequence> sequence_;
  bool prompt_lost_bytes_ = false;  // the newest prompt has characters that no token stands for
};

// The object that --json prints for an answer.
nlohmann::json answer_json(const engine::GenerateResult& result, double load_ms);

}  // namespace hearth::cli
