// SPDX-License-Identifier: MIT
// Sources: OpenAI API reference (chat, completions, embeddings), 2026; llama.cpp's tools/server
// for grammar, json_schema, chat_template_kwargs, reasoning_format and what follows them; Ollama's
// and LM Studio's documentation for keep_alive, ttl, think.
#include "server/dialects/openai_fields.h"

#include "server/dialects/request_parts.h"

namespace hearth::server {
namespace {

constexpr int64_t kMaxAnswersOf = 128;
constexpr int64_t kMaxTop = 20;

// What all routes with an answer take.
constexpr Field kShared[] = {
    text("model", kMaxModelName, "a model of this server"),
    flag("stream", "the answer as it grows, as server-sent events"),
    object("stream_options", "include_usage: tokens and times at the end of the stream"),
    integer("max_tokens", -1, kMaxTokens, "of each answer; -1: until it ends"),
    integer("n_predict", -1, kMaxTokens, "another name of max_tokens"),
    integer("n", 1, kMaxAnswersOf, "answers; answer i has the seed + i"),
    texts("stop", kMaxStops, "texts at which an answer ends"),
    any("logit_bias", "token ids and what is added to their logits"),
    flag("ignore_eos", "go on where the model would end"),
    text("grammar", kMaxGrammar, "a GBNF grammar that the answer keeps to"),
    any("json_schema", "a JSON schema that the answer keeps to"),
    any("keep_alive", "how long the model stays loaded: seconds, \"5m\", -1 for ever"),
    integer("ttl", 0, 1'000'000'000, "the same, in seconds"),
    integer("num_ctx", 0, kMaxTokens, "positions of the context, where the model is loaded for it"),
    any("timings_per_token", "times are told at the end"),
    no_effect("user", "who asks is known by the key"),
    no_effect("metadata", "is not kept"),
    no_effect("safety_identifier", "who asks is known by the key"),
    no_effect("prompt_cache_key", "all prompts of one key share their beginnings"),
    no_effect("prompt_cache_retention", "prompts are kept as memory allows"),
    no_effect("service_tier", "there is one"),
    no_effect("cache_prompt", "beginnings of prompts are always reused, with the same tokens"),
    warned("id_slot", "hearth places requests itself"),
    warned("return_progress", "progress of prompts is not told"),
    warned("draft_model", "hearth drafts from prompt and answer"),
    warned("lora", "adapters are not supported"),
};

FieldTable with_shared(std::initializer_list<Field> rows) {
  FieldTable table(std::begin(kShared), std::end(kShared));
  table.insert(table.end(), rows.begin(), rows.end());
  for (const Field& row : with_sampler_fields({})) table.push_back(row);
  return table;
}

}  // namespace

const FieldTable& openai_chat_fields() {
  static const FieldTable table = with_shared({
      list("messages", kMaxMessages, "the conversation; texts only"),
      integer("max_completion_tokens", -1, kMaxTokens, "the newer name of max_tokens"),
      flag("logprobs", "log-probabilities of the answer's tokens"),
      integer("top_logprobs", 0, kMaxTop, "and of the likeliest ones at each position"),
      any("response_format", "text, json_object or json_schema"),
      list("tools", kMaxTools, "functions that the model may call"),
      any("tool_choice", "auto, none, required, or a function"),
      flag("parallel_tool_calls", "several calls in one answer"),
      text("reasoning_effort", 16, "none, minimal, low, medium, high, xhigh"),
      any("think", "true, false, or an effort"),
      integer("thinking_budget_tokens", -1, kMaxTokens, "of reasoning, then it is ended"),
      integer("reasoning_budget", -1, kMaxTokens, "another name of thinking_budget_tokens"),
      text("reasoning_format", 32, "none leaves reasoning in the text; auto, deepseek split it"),
      object("chat_template_kwargs", "further variables of the template"),
      text("chat_template", kMaxText, "instead of the model's own"),
      flag("add_generation_prompt", "end the prompt where an answer begins"),
      flag("continue_final_message", "go on with the last message, which is the assistant's"),
      flag("return_tokens", "ids of the answer's tokens"),
      no_effect("store", "chats are not kept here"),
      no_effect("verbosity", "a wish that no template knows"),
      any("modalities", "only [\"text\"]"),
      refused("audio", "audio is not supported"),
      refused("functions", "use tools"),
      refused("function_call", "use tool_choice"),
      refused("web_search_options", "there is no web search"),
      warned("prediction", "hearth drafts from prompt and answer"),
  });
  return table;
}

const FieldTable& openai_completion_fields() {
  static const FieldTable table = with_shared({
      any("prompt", "a text, tokens, or a list of either"),
      text("suffix", kMaxText, "fill in the middle between prompt and suffix"),
      flag("echo", "the prompt first"),
      integer("logprobs", 0, kMaxTop, "the likeliest tokens at each position"),
      integer("best_of", 1, kMaxAnswersOf, "must be n"),
      any("response_format", "text, json_object or json_schema"),
      flag("return_tokens", "ids of the answer's tokens"),
  });
  return table;
}

const FieldTable& openai_embedding_fields() {
  static const FieldTable table = {
      text("model", kMaxModelName, "a model of this server"),
      any("input", "a text, tokens, or a list of either"),
      text("encoding_format", 16, "float or base64"),
      integer("dimensions", 1, 1 << 20, "the first ones of each vector, scaled to length 1 again"),
      text("pooling", 16, "mean, cls, last; otherwise the model's own"),
      any("keep_alive", "how long the model stays loaded"),
      no_effect("user", "who asks is known by the key"),
  };
  return table;
}

const FieldTable& openai_rerank_fields() {
  static const FieldTable table = {
      text("model", kMaxModelName, "a model of this server"),
      text("query", kMaxText, "what the documents are compared with"),
      list("documents", kMaxInputs, "texts, or objects with a text"),
      list("texts", kMaxInputs, "another name of documents"),
      integer("top_n", 1, kMaxInputs, "how many of the best are told"),
      flag("return_documents", "with their texts"),
      any("keep_alive", "how long the model stays loaded"),
      no_effect("user", "who asks is known by the key"),
  };
  return table;
}

const FieldTable& openai_stream_options_fields() {
  static const FieldTable table = {
      flag("include_usage", "a last chunk with the usage"),
      no_effect("include_obfuscation", "nothing is padded"),
  };
  return table;
}

}  // namespace hearth::server
