// SPDX-License-Identifier: MIT
// Source: OpenAI API reference, chat completions and their stream, 2026; reasoning_content as
// DeepSeek and llama.cpp have it.
#include "server/dialects/openai_chat.h"

#include <algorithm>

#include "server/dialects/openai_fields.h"
#include "server/dialects/openai_shapes.h"
#include "server/dialects/request_parts.h"

namespace hearth::server {
namespace {

using engine::Event;
using engine::EventKind;

Status read_chat_lengths(const RequestFields& fields, engine::Job& job) {
  const bool old_name = fields.has("max_tokens"), new_name = fields.has("max_completion_tokens");
  if (old_name && new_name &&
      fields.integer("max_tokens", 0) != fields.integer("max_completion_tokens", 0))
    return bad_field("max_tokens", "max_completion_tokens says something else");
  if (new_name) job.max_tokens = fields.integer("max_completion_tokens", -1);
  return {};
}

Status read_chat_logprobs(const RequestFields& fields, engine::Job& job) {
  const bool wanted = fields.flag("logprobs", false);
  if (fields.has("top_logprobs") && !wanted && fields.integer("top_logprobs", 0) > 0)
    return bad_field("top_logprobs", "needs logprobs: true");
  if (wanted) job.n_logprobs = static_cast<int>(fields.integer("top_logprobs", 0));
  return {};
}

Status read_thinking(const RequestFields& fields, engine::Job& job) {
  TRY(read_effort("reasoning_effort", fields.text("reasoning_effort"), job));
  const Json& think = fields.json("think");
  if (think.is_boolean()) {
    job.thinking = think.get<bool>() ? engine::Thinking::kOn : engine::Thinking::kOff;
  } else if (think.is_string()) {
    TRY(read_effort("think", think.get<std::string>(), job));
  } else if (!think.is_null()) {
    return bad_field("think", "true, false or an effort is wanted");
  }
  job.thinking_budget =
      fields.integer("thinking_budget_tokens", fields.integer("reasoning_budget", -1));
  if (job.thinking_budget == 0) job.thinking = engine::Thinking::kOff;
  const std::string format = fields.text("reasoning_format");
  if (!format.empty() && format != "none" && format != "auto" && format != "deepseek")
    return bad_field("reasoning_format", "none, auto or deepseek is wanted");
  job.split_reasoning = format != "none";
  return read_variables(fields.json("chat_template_kwargs"), "chat_template_kwargs", job);
}

Status read_chat_prompt(Call& call, engine::Job& job) {
  RequestFields& fields = call.fields;
  if (!fields.has("messages")) return bad_field("messages", "a list of messages is wanted");
  TRY_LET(job.messages, text_messages(fields.take("messages")));
  TRY(read_tools(fields.take("tools"), job));
  TRY(read_tool_choice(fields.json("tool_choice"), job));
  job.parallel_tool_calls = fields.flag("parallel_tool_calls", true);
  job.add_generation_prompt = fields.flag("add_generation_prompt", true);
  job.continue_last = fields.flag("continue_final_message", false);
  const std::string& last = job.messages.back()["role"].get_ref<const std::string&>();
  if (job.continue_last && last != "assistant")
    return bad_field("continue_final_message", "the last message is not the assistant's");
  const Json& modalities = fields.json("modalities");
  if (!modalities.is_null() && modalities != Json::array({"text"}))
    return bad_field("modalities", "only [\"text\"] is supported");
  return {};
}

class ChatWriter final : public Writer {
 public:
  ChatWriter(const Call& call, const ChatRequest& request)
      : id_(call.app.make_id("chatcmpl-")),
        model_(request.model),
        created_(call.app.unix_s()),
        include_usage_(request.include_usage),
        with_timings_(request.with_timings) {}

  std::string stream(const Event& event) override {
    switch (event.kind) {
      case EventKind::kDelta:
        return delta(event);
      case EventKind::kFinished:
        return finished(event);
      case EventKind::kDone:
        return done(event);
      case EventKind::kStarted:
      case EventKind::kResult:
      case EventKind::kError:
        break;
    }
    return {};
  }

  std::string stream_failure(const Error& error) override {
    return sse_data(error_json(Dialect::kOpenAi, status_of(error), error));
  }

  http::Response whole(const Collected& all) override {
    Json choices = Json::array();
    for (size_t i = 0; i < all.answers.size(); ++i) choices.push_back(choice(all.answers[i], i));
    Json body = head("chat.completion");
    body["choices"] = std::move(choices);
    body["usage"] = openai_usage(all.usage);
    body["timings"] = openai_timings(all.usage);
    add_warnings(body, all.warnings);
    return json_response(body);
  }

 private:
  Json head(std::string_view object) const {
    return {{"id", id_},
            {"object", object},
            {"created", created_},
            {"model", model_},
            {"system_fingerprint", "hearth"}};
  }

  static Json choice(const CollectedAnswer& answer, size_t index) {
    Json message = {{"role", "assistant"}};
    const bool only_calls = answer.text.empty() && !answer.calls.empty();
    message["content"] = only_calls ? Json() : Json(answer.text);
    if (!answer.reasoning.empty()) message["reasoning_content"] = answer.reasoning;
    message["refusal"] = nullptr;
    if (!answer.calls.empty()) {
      Json calls = Json::array();
      for (const CollectedCall& call : answer.calls)
        calls.push_back(openai_tool_call(call.id, call.name, call.arguments));
      message["tool_calls"] = std::move(calls);
    }
    Json choice = {{"index", index}, {"message", std::move(message)}};
    choice["logprobs"] = openai_chat_logprobs(answer.logprobs, answer.logprob_texts);
    choice["finish_reason"] = openai_finish_reason(answer.finish_reason);
    if (!answer.stopped_by.empty()) choice["stop_text"] = answer.stopped_by;
    if (!answer.tokens.empty()) choice["tokens"] = answer.tokens;
    return choice;
  }

  std::string chunk(int index, Json delta, Json logprobs, Json reason) const {
    Json body = head("chat.completion.chunk");
    body["choices"] = Json::array({{{"index", index},
                                    {"delta", std::move(delta)},
                                    {"logprobs", std::move(logprobs)},
                                    {"finish_reason", std::move(reason)}}});
    if (include_usage_) body["usage"] = nullptr;
    return sse_data(body);
  }

  // Each answer's first chunk says whose it is.
  std::string begin(int index) {
    if (std::find(begun_.begin(), begun_.end(), index) != begun_.end()) return {};
    begun_.push_back(index);
    return chunk(index, {{"role", "assistant"}, {"content", ""}}, {}, {});
  }

  std::string delta(const Event& event) {
    std::string text = begin(event.i_answer);
    Json logprobs = openai_chat_logprobs(event.logprobs, event.logprob_texts);
    Json delta = Json::object();
    if (!event.reasoning.empty()) delta["reasoning_content"] = event.reasoning;
    if (!event.text.empty()) delta["content"] = event.text;
    if (!event.tool_calls.empty()) {
      Json calls = Json::array();
      for (const engine::ToolCallDelta& piece : event.tool_calls) {
        Json call = {{"index", piece.index}};
        call.update(openai_tool_call(piece.id, piece.name, piece.arguments));
        calls.push_back(std::move(call));
      }
      delta["tool_calls"] = std::move(calls);
    }
    if (!event.tokens.empty()) delta["tokens"] = event.tokens;
    if (delta.empty() && logprobs.is_null()) return text;
    return text + chunk(event.i_answer, std::move(delta), std::move(logprobs), {});
  }

  std::string finished(const Event& event) {
    std::string text = begin(event.i_answer);
    if (!event.text.empty() || !event.reasoning.empty() || !event.tool_calls.empty())
      text += delta(event);
    return text +
           chunk(event.i_answer, Json::object(), {}, openai_finish_reason(event.finish_reason));
  }

  std::string done(const Event& event) const {
    std::string text;
    if (include_usage_ || with_timings_ || !event.warnings.empty()) {
      Json body = head("chat.completion.chunk");
      body["choices"] = Json::array();
      if (include_usage_) body["usage"] = openai_usage(event.usage);
      body["timings"] = openai_timings(event.usage);
      add_warnings(body, event.warnings);
      text = sse_data(body);
    }
    return text + "data: [DONE]\n\n";
  }

  std::string id_, model_;
  int64_t created_;
  bool include_usage_, with_timings_;
  std::vector<int> begun_;
};

}  // namespace

Status read_openai_wish(Call& call, LoadWish& wish) {
  const RequestFields& fields = call.fields;
  if (fields.has("keep_alive")) {
    TRY_LET(wish.keep_alive_s, read_duration("keep_alive", fields.json("keep_alive")));
  } else if (fields.has("ttl")) {
    wish.keep_alive_s = fields.integer("ttl", 0);
  }
  if (fields.has("num_ctx")) wish.n_ctx = fields.integer("num_ctx", 0);
  return {};
}

Result<bool> read_include_usage(Call& call) {
  if (!call.fields.has("stream_options")) return false;
  if (!call.fields.flag("stream", false))
    return bad_field("stream_options", "only streams have options");
  TRY_LET(RequestFields options,
          RequestFields::read(openai_stream_options_fields(), call.fields.json("stream_options"),
                              "stream_options."));
  for (std::string& warning : options.warnings) call.fields.warnings.push_back(std::move(warning));
  return options.flag("include_usage", false);
}

Status read_openai_answer(Call& call, engine::Job& job) {
  const RequestFields& fields = call.fields;
  TRY(fields.read_sampler(job.sampler));
  TRY(read_stop(fields, "stop", job));
  TRY(read_logit_bias(fields.json("logit_bias"), job));
  if (fields.has("max_tokens") || fields.has("n_predict"))
    job.max_tokens = fields.integer("max_tokens", fields.integer("n_predict", -1));
  job.n = static_cast<int>(fields.integer("n", 1));
  job.ignore_end = fields.flag("ignore_eos", false);
  job.want_tokens = fields.flag("return_tokens", false);
  TRY(read_response_format(fields.json("response_format"), job));
  if (fields.has("json_schema")) TRY(set_schema(fields.json("json_schema"), "json_schema", job));
  if (!fields.text("grammar").empty()) {
    if (job.shape != engine::Shape::kFree)
      return bad_field("grammar", "another field restricts the answer already");
    job.shape = engine::Shape::kGrammar;
    job.shape_text = fields.text("grammar");
  }
  return {};
}

Result<ChatRequest> read_chat(Call& call) {
  ChatRequest request;
  engine::Job job;
  job.kind = engine::JobKind::kChat;
  TRY(read_chat_prompt(call, job));
  TRY_LET(request.work.target, read_target(call, job));
  TRY(read_openai_wish(call, request.work.target.wish));
  TRY(read_openai_answer(call, job));
  TRY(read_chat_lengths(call.fields, job));
  TRY(read_chat_logprobs(call.fields, job));
  TRY(read_thinking(call.fields, job));
  if (call.fields.has("chat_template")) job.chat_template = call.fields.text("chat_template");
  TRY_LET(request.include_usage, read_include_usage(call));
  request.with_timings = call.fields.flag("timings_per_token", false);
  request.model = call.fields.text("model");
  request.work.stream = call.fields.flag("stream", false);
  request.work.jobs.push_back(std::move(job));
  return request;
}

std::unique_ptr<Writer> chat_writer(const Call& call, const ChatRequest& request) {
  return std::make_unique<ChatWriter>(call, request);
}

void answer_chat(const std::shared_ptr<Call>& call) {
  auto request = read_chat(*call);
  if (!request) return call->fail(request.error());
  auto writer = chat_writer(*call, *request);
  start_work(call, std::move(request->work), std::move(writer));
}

}  // namespace hearth::server
