// SPDX-License-Identifier: MIT
#include "engine/answer_masks.h"

#include <algorithm>
#include <utility>

#include "engine/repeat_mask.h"
#include "sample/grammar/gbnf.h"
#include "sample/grammar/json_schema.h"
#include "sample/grammar/tool_grammar.h"
#include "text/answer_parser.h"
#include "text/messages.h"

namespace hearth::engine {
namespace {

bool forces_call(const Job& job) {
  return job.tool_choice == ToolChoice::kRequired || job.tool_choice == ToolChoice::kNamed;
}

bool has_tools(const Job& job) {
  return job.kind == JobKind::kChat && job.tools.is_array() && !job.tools.empty() &&
         job.tool_choice != ToolChoice::kNone;
}

// A tool that asks for arguments that keep to its schema.
bool has_strict_tool(const Job& job) {
  return std::any_of(job.tools.begin(), job.tools.end(), [](const auto& tool) {
    const auto function = tool.find("function");
    if (function == tool.end() || !function->is_object()) return false;
    const auto strict = function->find("strict");
    return strict != function->end() && *strict == true;
  });
}

bool is_in_reasoning(const JobPrompt& prompt) {
  return text::AnswerParser(prompt.format, {.prompt = prompt.text}).is_in_reasoning();
}

// Everything that a grammar follows from, texts by their lengths so that none runs into the next.
std::string key_of(const Job& job, const JobPrompt& prompt, bool calls) {
  std::string key = fmt::format("{} {} {} {} {} {} {}", calls, static_cast<int>(job.shape),
                                static_cast<int>(job.tool_choice), job.parallel_tool_calls,
                                job.kind == JobKind::kChat && is_in_reasoning(prompt),
                                job.thinking != Thinking::kOff, job.kind == JobKind::kChat);
  const auto add = [&key](std::string_view text) {
    key += fmt::format(" {}:", text.size());
    key += text;
  };
  add(calls ? sample::json_text(job.tools) : job.shape_text);
  add(job.tool_name);
  add(job.chat_template);
  return key;
}

}  // namespace

Result<std::shared_ptr<const sample::Grammar>> AnswerMasks::compile_calls(
    const Job& job, const JobPrompt& prompt) const {
  const sample::ToolGrammarOptions options{
      .rule = forces_call(job) ? sample::CallRule::kForced : sample::CallRule::kFree,
      .only = job.tool_choice == ToolChoice::kNamed ? job.tool_name : "",
      .is_parallel = job.parallel_tool_calls && job.tool_choice != ToolChoice::kNamed,
      .in_reasoning = is_in_reasoning(prompt),
      .may_think = job.thinking != Thinking::kOff};
  return sample::tool_grammar(prompt.format, tokenizer_, job.tools, options);
}

Result<std::shared_ptr<const sample::Grammar>> AnswerMasks::compile_shape(
    const Job& job, const JobPrompt& prompt) const {
  sample::GrammarBuilder builder;
  sample::JsonParts json(builder);
  sample::Expr body = builder.empty();
  if (job.shape == Shape::kGrammar) {
    TRY_LET(body, within("grammar", sample::add_gbnf(builder, job.shape_text)));
  } else if (job.shape == Shape::kJsonObject) {
    body = json.any_object();
  } else {
    if (job.shape_text.size() > sample::kMaxGrammarBytes) {
      return over_limit("JSON schema: it has {} bytes, the bound is {}", job.shape_text.size(),
                        sample::kMaxGrammarBytes);
    }
    TRY_LET(const auto schema, within("JSON schema", text::parse_exact_json(job.shape_text)));
    TRY_LET(body, within("JSON schema", sample::add_json_schema(json, schema)));
  }
  if (job.kind == JobKind::kChat) {
    body = sample::after_reasoning(builder, prompt.format, tokenizer_, body,
                                   is_in_reasoning(prompt), job.thinking != Thinking::kOff);
  }
  return within("the form of the answer", builder.finish(body));
}

Result<std::unique_ptr<sample::TokenMask>> AnswerMasks::make(const Job& job, JobPrompt& prompt) {
  const bool tools = has_tools(job);
  if (forces_call(job) && !tools) {
    return with_hint(invalid("a tool must be called, and there is none"), "send it in 'tools'");
  }
  const bool shaped = job.shape != Shape::kFree;
  const bool calls = tools && (forces_call(job) || (!shaped && has_strict_tool(job)));
  if (tools && shaped) {
    prompt.warnings.emplace_back(
        calls ? "a tool must be called: the form that was asked for does not count"
              : "the answer keeps to the form that was asked for, so it calls no tool");
  }
  if (!calls && !shaped) return nullptr;
  if (!cache_) cache_.emplace(sample::TokenTable::make(tokenizer_), kMaxBytes);
  auto mask = cache_->mask(key_of(job, prompt, calls), [&] {
    return calls ? compile_calls(job, prompt) : compile_shape(job, prompt);
  });
  if (!mask && calls && !forces_call(job) && mask.error().code == ErrorCode::kUnsupported) {
    prompt.warnings.push_back("strict tools cannot be held to their schemas: " +
                              mask.error().message);
    return nullptr;
  }
  if (mask && calls && job.tool_choice == ToolChoice::kRequired && job.parallel_tool_calls) {
    return end_after_repeats(std::move(*mask), job, prompt, tokenizer_);
  }
  return mask;
}

}  // namespace hearth::engine
