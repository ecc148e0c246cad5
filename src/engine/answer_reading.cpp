// SPDX-License-Identifier: MIT
#include "engine/answer_reading.h"

#include <algorithm>
#include <memory>

#include "sample/grammar/json_schema.h"
#include "text/stream_decoder.h"

namespace hearth::engine {
namespace {

// What a model writes when it is through with thinking.
std::string end_of_reasoning(const text::AnswerFormat& format) {
  switch (format.style) {
    case text::AnswerStyle::kHarmony:
      return "<|end|><|start|>assistant<|channel|>final<|message|>";
    case text::AnswerStyle::kMarks:
      return format.think_end.empty() ? "" : "\n" + format.think_end + "\n\n";
    case text::AnswerStyle::kFunctionary:
      break;
  }
  return "";
}

// Reads one answer beside its parser, token by token, and ends its reasoning once.
class BudgetGuide {
 public:
  BudgetGuide(const text::AnswerFormat& format, const text::AnswerOptions& options,
              const text::Tokenizer& tokenizer, int64_t budget, std::vector<int32_t> end)
      : parser_(format, options),
        decoder_(tokenizer, true),
        n_left_(budget),
        end_(std::move(end)) {}

  std::vector<int32_t> operator()(int32_t id) {
    if (is_ended_) return {};
    parser_.push(decoder_.push(id));
    if (!parser_.is_in_reasoning() || --n_left_ > 0) return {};
    is_ended_ = true;
    return end_;
  }

 private:
  text::AnswerParser parser_;
  text::StreamDecoder decoder_;
  int64_t n_left_;
  std::vector<int32_t> end_;
  bool is_ended_ = false;
};

}  // namespace

text::AnswerOptions reading_of(const Job& job, std::string_view prompt, uint64_t id_seed) {
  text::AnswerOptions options{.splits_reasoning = job.split_reasoning,
                              .reads_calls = job.tools.is_array() && !job.tools.empty() &&
                                             job.tool_choice != ToolChoice::kNone,
                              .prompt = prompt,
                              .drops_repeats = job.tool_choice == ToolChoice::kRequired,
                              .id_seed = id_seed};
  if (!options.reads_calls) return options;
  for (const auto& tool : job.tools) {
    const auto function = tool.find("function");
    if (function == tool.end() || !function->is_object()) continue;
    const auto name = function->find("name");
    if (name != function->end() && name->is_string()) {
      options.tool_names.push_back(name->get<std::string>());
      const auto schema = function->find("parameters");
      if (schema == function->end() || !schema->is_object()) continue;
      options.text_arguments.push_back({options.tool_names.back(), sample::text_members(*schema)});
    }
  }
  return options;
}

bool has_special_marks(const text::AnswerFormat& format, const text::Tokenizer& tokenizer) {
  if (format.style == text::AnswerStyle::kHarmony) return true;
  std::vector<std::string> marks = format.dropped;
  marks.insert(marks.end(), {format.think_begin, format.think_end});
  for (const text::CallMarks& call : format.calls) {
    marks.insert(marks.end(), {call.begin, call.end});
    marks.insert(marks.end(), call.name_ends.begin(), call.name_ends.end());
  }
  return std::any_of(marks.begin(), marks.end(), [&](const std::string& mark) {
    const text::TokenId id = tokenizer.find_token(mark);
    return tokenizer.contains(id) && tokenizer.is_control(id);
  });
}

Result<std::function<Answer::Guide()>> budget_guides(const Job& job, std::string_view prompt,
                                                     const text::AnswerFormat& format,
                                                     const text::Tokenizer& tokenizer) {
  const std::string end = end_of_reasoning(format);
  if (end.empty()) {
    return unsupported(
        "the model's template does not say how reasoning ends, so it can have no "
        "budget");
  }
  // Of the prompt, only what its end says about open reasoning counts.
  return [format, &tokenizer, budget = job.thinking_budget, prompt = std::string(prompt),
          tokens = tokenizer.encode(end, {.add_special = false})]() -> Answer::Guide {
    const text::AnswerOptions options{.prompt = prompt};
    auto guide = std::make_shared<BudgetGuide>(format, options, tokenizer, budget, tokens);
    return [guide](int32_t id) { return (*guide)(id); };
  };
}

}  // namespace hearth::engine
