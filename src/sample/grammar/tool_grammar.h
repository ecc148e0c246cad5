// SPDX-License-Identifier: MIT
// Grammars of answers that call tools, in the syntax of the model's own template: a call forced
// (tool_choice required or named), or free text in which every call that is begun keeps to its
// tool's schema (auto with strict). In: the format (text/answer_format.h), the tools as OpenAI
// writes them. What comes out is read by text::AnswerParser.
#pragma once
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/result.h"
#include "sample/grammar/builder.h"
#include "sample/grammar/grammar.h"
#include "text/answer_format.h"
#include "text/tokenizer.h"

namespace hearth::sample {

enum class CallRule {
  kForced,  // reasoning where the format has it, then calls and nothing else
  kFree,    // text, and calls that keep to their schemas
};

struct ToolGrammarOptions {
  CallRule rule = CallRule::kForced;
  std::string only;           // the one tool that may be called; empty: any of them
  bool is_parallel = true;    // several calls in one answer
  bool in_reasoning = false;  // the prompt has opened the reasoning
  bool may_think = true;      // kForced: reasoning may come first
};

// `tokenizer` says which marks are special tokens. Errors: no tool of that name, a schema that
// cannot be said (with the tool's name), kUnsupported where the format has no calls of its own and
// text is free.
Result<std::shared_ptr<const Grammar>> tool_grammar(const text::AnswerFormat& format,
                                                    const text::Tokenizer& tokenizer,
                                                    const nlohmann::ordered_json& tools,
                                                    const ToolGrammarOptions& options);

// An answer in a form (response_format): reasoning where the format has it, then `body`'s text.
// kHarmony writes it in its last channel.
Expr after_reasoning(GrammarBuilder& builder, const text::AnswerFormat& format,
                     const text::Tokenizer& tokenizer, Expr body, bool in_reasoning,
                     bool may_think);

}  // namespace hearth::sample
