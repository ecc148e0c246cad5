// SPDX-License-Identifier: MIT
#include "text/answer_format.h"

#include <algorithm>
#include <utility>

namespace hearth::text {
namespace {

// Families by the mark in their templates; the first that is found is the model's own.
const std::vector<std::pair<std::string_view, CallMarks>>& known_marks() {
  static const std::vector<std::pair<std::string_view, CallMarks>> kMarks = {
      // DeepSeek V3, R1: "function", a separator, the name, a fence; V3.1: the name, a separator.
      {"<｜tool▁call▁begin｜>",
       {"<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>", {"<｜tool▁sep｜>"}}},
      // Kimi K2
      {"<|tool_call_begin|>",
       {"<|tool_call_begin|>", "<|tool_call_end|>", {"<|tool_call_argument_begin|>"}}},
      // Mistral: a list of objects, or a name, perhaps an id, the arguments
      {"[TOOL_CALLS]", {"[TOOL_CALLS]", "", {"[CALL_ID]", "[ARGS]"}}},
      // Gemma 4
      {"<|tool_call>", {"<|tool_call>", "<tool_call|>", {}}},
      // LFM2, whose templates name the list of tools and not always the calls
      {"<|tool_call_start|>", {"<|tool_call_start|>", "<|tool_call_end|>", {}}},
      {"<|tool_list_start|>", {"<|tool_call_start|>", "<|tool_call_end|>", {}}},
      {"\"List of tools: [\"", {"<|tool_call_start|>", "<|tool_call_end|>", {}}},
      // MiniMax M2
      {"<minimax:tool_call>", {"<minimax:tool_call>", "</minimax:tool_call>", {}}},
      // DeepSeek V3.2, V4; the templates put the tags together
      {"｜DSML｜function_calls>", {"<｜DSML｜function_calls>", "</｜DSML｜function_calls>", {}}},
      {"｜DSML｜tool_calls>", {"<｜DSML｜tool_calls>", "</｜DSML｜tool_calls>", {}}},
      {"'function_calls>", {"<｜DSML｜function_calls>", "</｜DSML｜function_calls>", {}}},
      {"'tool_calls>", {"<｜DSML｜tool_calls>", "</｜DSML｜tool_calls>", {}}},
      {"<seed:tool_call>", {"<seed:tool_call>", "</seed:tool_call>", {}}},  // Seed-OSS
      // Hermes, Qwen; with tags inside Qwen3-Coder and GLM
      {"<tool_call>", {"<tool_call>", "</tool_call>", {}}},
      {"<tool_calls>", {"<tool_calls>", "</tool_calls>", {}}},
      {"<|START_ACTION|>", {"<|START_ACTION|>", "<|END_ACTION|>", {}}},  // Command R
      {"<|tool_call|>", {"<|tool_call|>", "", {}}},                      // Granite
      {"<function=", {"<function=", "</function>", {">"}}},              // Functionary 3.1
      {"<|python_tag|>", {"<|python_tag|>", "", {}}},                    // Llama 3
  };
  return kMarks;
}

constexpr std::string_view kAround[] = {"<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>",
                                        "<|tool_calls_section_begin|>",
                                        "<|tool_calls_section_end|>"};

CallTags tags_of(std::string_view source, std::string_view begin) {
  const auto has = [source](std::string_view mark) { return source.find(mark) != source.npos; };
  if (begin == "<seed:tool_call>") return CallTags::kInlineFunctions;
  if (begin != "<tool_call>") return CallTags::kNone;
  if (has("<arg_key>")) return CallTags::kKeys;
  return has("<function=") && has("<parameter=") ? CallTags::kFunctions : CallTags::kNone;
}

}  // namespace

AnswerFormat find_answer_format(std::string_view source) {
  const auto has = [source](std::string_view mark) { return source.find(mark) != source.npos; };
  AnswerFormat format;
  if (has("<|channel|>") && has("<|message|>")) {
    format.style = AnswerStyle::kHarmony;
    return format;
  }
  if (has("<think>")) {
    format.think_begin = "<think>";
    format.think_end = "</think>";
  } else if (has("<seed:think>")) {
    format.think_begin = "<seed:think>";
    format.think_end = "</seed:think>";
  } else if (has("<|channel>") && has("<channel|>")) {  // Gemma 4
    format.think_begin = "<|channel>thought";
    format.think_end = "<channel|>";
  } else if (has("[THINK]")) {
    format.think_begin = "[THINK]";
    format.think_end = "[/THINK]";
  }
  if (has(">>>") && has("recipient")) {
    format.style = AnswerStyle::kFunctionary;
    return format;
  }
  for (const auto& [mark, calls] : known_marks()) {
    // Tags of functions inside of other marks are read there.
    const bool is_inside = mark == "<function=" && (has("<tool_call>") || has("<seed:tool_call>"));
    const bool is_foreign = calls.begin.starts_with("<｜DSML｜") && !has("｜DSML｜");
    const bool is_known = std::any_of(format.calls.begin(), format.calls.end(),
                                      [&](const CallMarks& one) { return one == calls; });
    if (has(mark) && !is_inside && !is_foreign && !is_known) format.calls.push_back(calls);
  }
  if (!format.calls.empty()) format.tags = tags_of(source, format.calls[0].begin);
  for (const std::string_view mark : kAround) {
    if (has(mark)) format.dropped.emplace_back(mark);
  }
  format.takes_names = has("[ARGS]");
  // Llama 3 writes plain objects, Qwen2.5-Coder puts them into a fence whatever its template says;
  // a template without any mark leaves the model nothing else.
  format.has_bare_calls = format.calls.empty() || has("<|python_tag|>") || has("<tool_call>");
  return format;
}

}  // namespace hearth::text
