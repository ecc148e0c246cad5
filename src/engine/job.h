// SPDX-License-Identifier: MIT
// What a server asks of a model and what it hears back: the one request type under all dialects.
// Values only; protocol.h carries them over the socket pair between server and engine process.
// Whoever makes a Job has bounded its texts; whoever takes one checks everything again.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sample/logprobs.h"
#include "sample/params.h"

namespace hearth::engine {

enum class JobKind {
  kChat,        // messages through the model's template, then an answer
  kComplete,    // a text, or tokens, as they are, then an answer
  kEmbed,       // one vector for each of `texts`
  kRerank,      // one score for each of `texts` against `prompt`
  kTokenize,    // the tokens of `prompt`
  kDetokenize,  // the text of `tokens`
  kTemplate,    // the rendered prompt of the messages
  kCount,       // how many tokens the prompt of the messages has
};

// What the answer must look like.
enum class Shape { kFree, kJsonObject, kJsonSchema, kGrammar };

// Whether the answer calls tools.
enum class ToolChoice { kAuto, kNone, kRequired, kNamed };

enum class Thinking { kModelsOwn, kOn, kOff };

struct Job {
  uint64_t id = 0;    // chosen by the asker, never used twice
  std::string owner;  // shares a prefix cache and a fair share of the machine with itself alone
  JobKind kind = JobKind::kChat;

  // The prompt.
  nlohmann::ordered_json messages;  // kChat, kTemplate, kCount: as text/messages.h checks them
  nlohmann::ordered_json tools;  // array of OpenAI's {"type":"function","function":{…}}, or null
  nlohmann::ordered_json variables;  // object: further variables of the template
  bool add_generation_prompt = true;
  bool continue_last = false;      // the last message is the assistant's and is to be gone on with
  std::string chat_template;       // instead of the model's own
  std::string prompt;              // kComplete, kTokenize, kRerank
  std::string suffix;              // kComplete: fill in the middle between prompt and suffix
  std::vector<int32_t> tokens;     // kComplete instead of prompt; kDetokenize
  std::vector<std::string> texts;  // kEmbed, kRerank
  // kEmbed instead of texts: how many of `tokens`, as they are, belong to each input.
  std::vector<int32_t> token_counts;
  bool add_special = true;    // kComplete, kTokenize: beginning-of-text tokens
  bool parse_special = true;  // kComplete, kTokenize: texts of special tokens become tokens

  // The answer.
  sample::SamplerParams sampler;
  int64_t max_tokens = -1;  // -1: until the model ends or the context is full
  std::vector<std::string> stop;
  bool ignore_end = false;
  int n = 1;            // answers; answer i has the seed + i
  int n_logprobs = -1;  // -1: none; k: the chosen token's and the k likeliest
  // kComplete: the prompt comes first, as one delta of each answer; where logprobs are asked for,
  // with its tokens and the logprobs of all but the first of them.
  bool echo = false;
  bool want_tokens = false;  // token ids in the deltas
  Shape shape = Shape::kFree;
  std::string shape_text;  // the JSON schema or the GBNF grammar
  ToolChoice tool_choice = ToolChoice::kAuto;
  std::string tool_name;  // kNamed
  bool parallel_tool_calls = true;
  Thinking thinking = Thinking::kModelsOwn;
  int64_t thinking_budget = -1;  // tokens of reasoning, then it is ended; -1: no bound
  std::string reasoning_effort;  // "low", "medium", "high", or empty
  bool split_reasoning = true;   // reasoning in deltas of its own; else it is part of the text
  std::string pooling;           // kEmbed: instead of the model's own
  int64_t deadline_ms = 0;       // from its arrival on; 0: none
};

// A piece of a tool call. The first one of a call has its name; arguments come in pieces of text
// that together are JSON.
struct ToolCallDelta {
  int index = 0;
  std::string id, name, arguments;
};

enum class EventKind {
  kStarted,   // admitted: n_prompt and n_cached stand; warnings so far
  kDelta,     // more of answer i_answer
  kFinished,  // answer i_answer is complete: finish_reason, stopped_by
  kResult,    // of the kinds without an answer
  kDone,      // the last event: usage and timings
  kError,     // the last event: error
};

struct Usage {
  int64_t n_prompt = 0;
  int64_t n_cached = 0;                   // of the prompt, that had not to be computed
  int64_t n_completion = 0;               // of all answers
  int64_t n_reasoning = 0;                // of those
  int64_t n_drafted = 0, n_accepted = 0;  // speculation
  double queued_ms = 0.0, prefill_ms = 0.0, decode_ms = 0.0, load_ms = 0.0;
};

struct Event {
  uint64_t id = 0;  // the job's
  EventKind kind = EventKind::kDelta;
  int i_answer = 0;

  std::string text, reasoning;  // kDelta: whole characters
  std::vector<ToolCallDelta> tool_calls;
  std::vector<int32_t> tokens;
  std::vector<sample::PositionLogprobs> logprobs;
  std::vector<std::string> logprob_texts;  // chosen and top texts, position by position, in order

  // kFinished: "stop", "length", "tool_calls", "context_full", "error".
  std::string finish_reason;
  std::string stopped_by;  // the stop text that came

  nlohmann::ordered_json result;  // kResult: see protocol.h for each kind's members
  Usage usage;                    // kStarted, kDone
  std::vector<std::string> warnings;
  Error error;                // kError
  int64_t retry_after_s = 0;  // kError of a busy engine
};

}  // namespace hearth::engine
