// SPDX-License-Identifier: MIT
// How a model writes its reasoning and its tool calls, found in the text of its chat template: the
// marks that stand there, not the model's name, decide.
// In: the template's source. Out: an AnswerFormat for AnswerParser and for the grammars that force
// calls. Source: the published templates of the families that are named below.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace hearth::text {

// One way to write calls. Between `begin` and `end` stand objects {"name":…,"arguments":…}, one or
// several or a list, or a name, then one of `name_ends`, then the arguments as JSON, or tags as in
// <function=name><parameter=key>value</parameter></function>.
struct CallMarks {
  std::string begin;
  std::string end;                     // empty: a call ends where its JSON does
  std::vector<std::string> name_ends;  // what is after a name; empty: no name stands alone
  bool operator==(const CallMarks&) const = default;
};

inline constexpr std::string_view kTextMark = "<|\"|>";  // around texts in Gemma 4's calls

// Tags that stand between the marks of a call instead of an object.
enum class CallTags {
  kNone,
  kFunctions,        // Qwen3-Coder: <function=NAME>, <parameter=KEY>, values on lines of their own
  kInlineFunctions,  // Seed-OSS: the same, values right between the tags
  kKeys,             // GLM: NAME, <arg_key>KEY</arg_key>, <arg_value>VALUE</arg_value>
};

enum class AnswerStyle {
  kMarks,        // the marks below
  kHarmony,      // gpt-oss: <|channel|>NAME<|message|>…<|end|>
  kFunctionary,  // >>>NAME, a line's end, the text or the arguments
};

struct AnswerFormat {
  AnswerStyle style = AnswerStyle::kMarks;
  std::string think_begin, think_end;  // empty: no reasoning is marked
  std::vector<CallMarks> calls;        // the first one is the model's own
  CallTags tags = CallTags::kNone;     // of the model's own
  bool takes_names = false;            // Mistral: a name and [ARGS], not a list of objects
  std::vector<std::string> dropped;    // marks around several calls that say nothing
  // An object with the name of a tool, alone or in a fence, that is the whole answer is a call.
  bool has_bare_calls = false;
};

AnswerFormat find_answer_format(std::string_view template_source);

}  // namespace hearth::text
