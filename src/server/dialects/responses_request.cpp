// SPDX-License-Identifier: MIT
// Source: OpenAI API reference, responses, 2026.
#include "server/dialects/responses_request.h"

#include "base/quote.h"
#include "server/dialects/request_parts.h"

namespace hearth::server {
namespace {

// Items of the input as messages of chat completions.
Status add_item(const Json& item, const std::string& where, Json& messages) {
  std::string type = text_in(item, "type");
  if (type.empty() && item.is_object() && item.contains("role")) type = "message";
  if (type == "message") {
    const Json* content = member_of(item, "content");
    TRY_LET(std::string text,
            content_text(content == nullptr ? Json() : *content, where + ".content"));
    std::string role = text_in(item, "role");
    if (role == "developer") role = "system";
    if (role != "system" && role != "user" && role != "assistant")
      return bad_field(where + ".role", "user, assistant, system or developer is wanted");
    messages.push_back({{"role", role}, {"content", std::move(text)}});
    return {};
  }
  if (type == "function_call") {
    Json call = {
        {"id", text_in(item, "call_id")},
        {"type", "function"},
        {"function", {{"name", text_in(item, "name")}, {"arguments", text_in(item, "arguments")}}}};
    // Calls of one answer stand in one message.
    const bool follows = !messages.empty() && messages.back()["role"] == "assistant";
    if (!follows) messages.push_back({{"role", "assistant"}, {"content", ""}});
    messages.back()["tool_calls"].push_back(std::move(call));
    return {};
  }
  if (type == "function_call_output") {
    const Json* output = member_of(item, "output");
    TRY_LET(std::string text,
            content_text(output == nullptr ? Json() : *output, where + ".output"));
    messages.push_back({{"role", "tool"},
                        {"tool_call_id", text_in(item, "call_id")},
                        {"content", std::move(text)}});
    return {};
  }
  if (type == "reasoning") return {};  // templates leave earlier reasoning out
  return bad_field(where, fmt::format("items of type {} are not supported", quote(type)));
}

Status read_input(const Json& input, Json& messages) {
  if (input.is_string()) {
    messages.push_back({{"role", "user"}, {"content", input}});
    return {};
  }
  if (!input.is_array() || input.empty())
    return bad_field("input", "a text or a list of items is wanted");
  if (input.size() > static_cast<size_t>(kMaxMessages))
    return bad_field("input", fmt::format("at most {} items are taken", kMaxMessages));
  for (size_t i = 0; i < input.size(); ++i)
    TRY(add_item(input[i], fmt::format("input[{}]", i), messages));
  if (messages.empty()) return bad_field("input", "there is nothing to answer");
  return {};
}

// {type, name, description, parameters} as chat completions have them.
Result<Json> chat_tools(const Json& tools) {
  if (tools.is_null()) return Json();
  Json out = Json::array();
  for (size_t i = 0; i < tools.size(); ++i) {
    if (text_in(tools[i], "type") != "function")
      return bad_field(fmt::format("tools[{}]", i), "only functions are known here");
    Json function = Json::object();
    for (const char* name : {"name", "description", "parameters", "strict"}) {
      if (const Json* value = member_of(tools[i], name)) function[name] = *value;
    }
    out.push_back({{"type", "function"}, {"function", std::move(function)}});
  }
  return out;
}

Status read_text_format(const Json& text, engine::Job& job) {
  const Json* format = member_of(text, "format");
  if (format == nullptr) return {};
  if (const Status read = read_response_format(*format, job); !read)
    return bad_field("text.format", read.error().message);
  return {};
}

Result<Json> conversation_before(Call& call) {
  const std::string id = call.fields.text("previous_response_id");
  if (id.empty()) return Json::array();
  const StoredResponse* before = call.app.responses().find(id, call.identity.owner);
  if (before == nullptr) return not_found("there is no response {}", quote(id));
  return before->messages;
}

Status read_answer(Call& call, engine::Job& job) {
  const RequestFields& fields = call.fields;
  TRY(fields.read_sampler(job.sampler));
  TRY(read_logit_bias(fields.json("logit_bias"), job));
  job.max_tokens = fields.integer("max_output_tokens", -1);
  if (fields.integer("top_logprobs", 0) > 0)
    job.n_logprobs = static_cast<int>(fields.integer("top_logprobs", 0));
  job.parallel_tool_calls = fields.flag("parallel_tool_calls", true);
  TRY_LET(Json tools, chat_tools(fields.json("tools")));
  TRY(read_tools(std::move(tools), job));
  TRY(read_tool_choice(fields.json("tool_choice"), job));
  TRY(read_text_format(fields.json("text"), job));
  TRY(read_effort("reasoning.effort", text_in(fields.json("reasoning"), "effort"), job));
  const std::string truncation = fields.text("truncation", "disabled");
  if (truncation != "disabled")
    return bad_field("truncation", "prompts are never cut here: only disabled is supported");
  if (fields.flag("background", false))
    return bad_field("background", "answers are not made in the background");
  return {};
}

}  // namespace

const FieldTable& responses_fields() {
  static const FieldTable table = with_sampler_fields({
      text("model", kMaxModelName, "a model of this server"),
      any("input", "a text or a list of items; texts and functions only"),
      text("instructions", kMaxText, "the system text of this request alone"),
      text("previous_response_id", 128, "the kept response that this one goes on from"),
      flag("store", "keep it, in memory, to be gone on from; on where it is not said"),
      flag("stream", "the answer as it grows, as server-sent events"),
      integer("max_output_tokens", 1, kMaxTokens, "of the answer, reasoning too"),
      integer("top_logprobs", 0, 20, "the likeliest tokens at each position"),
      any("logit_bias", "token ids and what is added to their logits"),
      list("tools", kMaxTools, "functions that the model may call"),
      any("tool_choice", "auto, none, required, or a function"),
      flag("parallel_tool_calls", "several calls in one answer"),
      object("text", "format: text, json_object or json_schema"),
      object("reasoning", "effort: none to high"),
      text("truncation", 16, "only disabled"),
      flag("background", "only false"),
      any("keep_alive", "how long the model stays loaded"),
      object("metadata", "told again with the answer"),
      no_effect("include", "what there is is told"),
      no_effect("stream_options", "nothing is padded"),
      no_effect("user", "who asks is known by the key"),
      no_effect("safety_identifier", "who asks is known by the key"),
      no_effect("prompt_cache_key", "all prompts of one key share their beginnings"),
      no_effect("prompt_cache_retention", "prompts are kept as memory allows"),
      no_effect("service_tier", "there is one"),
      no_effect("max_tool_calls", "tools are called by the client"),
      refused("conversation", "use previous_response_id"),
      refused("prompt", "templates of prompts are not kept here"),
  });
  return table;
}

Result<ResponseRequest> read_response(Call& call) {
  ResponseRequest request;
  engine::Job job;
  job.kind = engine::JobKind::kChat;
  TRY_LET(request.messages, conversation_before(call));
  TRY(read_input(call.fields.json("input"), request.messages));
  job.messages = request.messages;
  const std::string instructions = call.fields.text("instructions");
  if (!instructions.empty())
    job.messages.insert(job.messages.begin(), Json{{"role", "system"}, {"content", instructions}});
  TRY_LET(request.work.target, read_target(call, job));
  TRY(read_answer(call, job));
  if (call.fields.has("keep_alive")) {
    TRY_LET(request.work.target.wish.keep_alive_s,
            read_duration("keep_alive", call.fields.json("keep_alive")));
  }
  request.keep = call.fields.flag("store", true);
  request.work.stream = call.fields.flag("stream", false);
  request.work.jobs.push_back(std::move(job));
  return request;
}

Json echoed_fields(const RequestFields& fields) {
  const auto or_else = [&](std::string_view name, Json otherwise) {
    return fields.has(name) ? fields.json(name) : otherwise;
  };
  return {{"instructions", fields.json("instructions")},
          {"max_output_tokens", fields.json("max_output_tokens")},
          {"parallel_tool_calls", fields.flag("parallel_tool_calls", true)},
          {"previous_response_id", fields.json("previous_response_id")},
          {"reasoning", or_else("reasoning", {{"effort", nullptr}, {"summary", nullptr}})},
          {"store", fields.flag("store", true)},
          {"temperature", fields.json("temperature")},
          {"text", or_else("text", {{"format", {{"type", "text"}}}})},
          {"tool_choice", or_else("tool_choice", "auto")},
          {"tools", or_else("tools", Json::array())},
          {"top_p", fields.json("top_p")},
          {"truncation", "disabled"},
          {"metadata", or_else("metadata", Json::object())}};
}

}  // namespace hearth::server
