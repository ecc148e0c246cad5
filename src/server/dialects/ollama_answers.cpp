// SPDX-License-Identifier: MIT
// Source: Ollama's docs/api.md and api/types.go, 2026.
#include "server/dialects/ollama_answers.h"

#include <algorithm>

#include "base/json.h"
#include "server/dialects/ollama_fields.h"
#include "server/dialects/openai_shapes.h"
#include "server/dialects/request_parts.h"
#include "server/dialects/vectors.h"

namespace hearth::server {
namespace {

using engine::Event;
using engine::EventKind;

int64_t nanoseconds(double ms) { return static_cast<int64_t>(ms * 1e6); }

void add_durations(Json& body, const engine::Usage& usage) {
  const double total = usage.load_ms + usage.queued_ms + usage.prefill_ms + usage.decode_ms;
  body["total_duration"] = nanoseconds(total);
  body["load_duration"] = nanoseconds(usage.load_ms);
  body["prompt_eval_count"] = usage.n_prompt;
  body["prompt_eval_duration"] = nanoseconds(usage.prefill_ms);
  body["eval_count"] = usage.n_completion;
  body["eval_duration"] = nanoseconds(usage.decode_ms);
}

// Ollama tells a call whole, its arguments as an object.
Json calls_of(const std::vector<CollectedCall>& calls) {
  Json list = Json::array();
  for (const CollectedCall& call : calls) {
    Json arguments = parse_ordered_json(call.arguments);
    if (!arguments.is_object()) arguments = Json::object();
    list.push_back(
        {{"id", call.id}, {"function", {{"name", call.name}, {"arguments", arguments}}}});
  }
  return list;
}

std::string done_reason(const std::string& reason) {
  if (reason == "tool_calls") return "stop";
  return openai_finish_reason(reason);
}

enum class Form { kChat, kGenerate };

class OllamaWriter final : public Writer {
 public:
  OllamaWriter(const Call& call, Form form)
      : app_(call.app), model_(call.fields.text("model")), form_(form) {}

  std::string stream(const Event& event) override {
    collected_.add(without_texts(event), 0);
    switch (event.kind) {
      case EventKind::kDelta:
        return line(event.text, event.reasoning, event);
      case EventKind::kFinished: {
        const CollectedAnswer& answer = collected_.answers.front();
        std::string text = line(event.text, event.reasoning, event);
        if (!answer.calls.empty() && form_ == Form::kChat) text += calls_line(answer.calls);
        return text;
      }
      case EventKind::kDone:
        return ndjson_line(last(event.usage, event.warnings));
      case EventKind::kStarted:
      case EventKind::kResult:
      case EventKind::kError:
        break;
    }
    return {};
  }

  std::string stream_failure(const Error& error) override {
    return ndjson_line(error_json(Dialect::kOllama, status_of(error), error));
  }

  http::Response whole(const Collected& all) override {
    collected_ = all;
    if (collected_.answers.empty()) collected_.answers.emplace_back();
    const CollectedAnswer& answer = collected_.answers.front();
    Json body = last(all.usage, all.warnings);
    set_text(body, answer.text, answer.reasoning);
    if (!answer.calls.empty() && form_ == Form::kChat)
      body["message"]["tool_calls"] = calls_of(answer.calls);
    Json logprobs = openai_chat_logprobs(answer.logprobs, answer.logprob_texts);
    if (!logprobs.is_null()) body["logprobs"] = logprobs["content"];
    return json_response(body);
  }

 private:
  // A stream keeps of its answer what its last lines say.
  static Event without_texts(Event event) {
    event.text.clear();
    event.reasoning.clear();
    event.tokens.clear();
    event.logprobs.clear();
    event.logprob_texts.clear();
    return event;
  }

  Json head(bool done) const {
    Json body = {{"model", model_}, {"created_at", app_.iso_time()}};
    set_text(body, "", "");
    body["done"] = done;
    return body;
  }

  void set_text(Json& body, const std::string& text, const std::string& reasoning) const {
    if (form_ == Form::kGenerate) {
      body["response"] = text;
      if (!reasoning.empty()) body["thinking"] = reasoning;
      return;
    }
    body["message"] = {{"role", "assistant"}, {"content", text}};
    if (!reasoning.empty()) body["message"]["thinking"] = reasoning;
  }

  std::string line(const std::string& text, const std::string& reasoning,
                   const Event& event) const {
    if (text.empty() && reasoning.empty() && event.logprobs.empty()) return {};
    Json body = head(false);
    set_text(body, text, reasoning);
    Json logprobs = openai_chat_logprobs(event.logprobs, event.logprob_texts);
    if (!logprobs.is_null()) body["logprobs"] = logprobs["content"];
    return ndjson_line(body);
  }

  std::string calls_line(const std::vector<CollectedCall>& calls) const {
    Json body = head(false);
    body["message"]["tool_calls"] = calls_of(calls);
    return ndjson_line(body);
  }

  Json last(const engine::Usage& usage, const std::vector<std::string>& warnings) const {
    Json body = head(true);
    const bool any = !collected_.answers.empty();
    body["done_reason"] = done_reason(any ? collected_.answers.front().finish_reason : "stop");
    add_durations(body, usage);
    add_warnings(body, warnings);
    return body;
  }

  App& app_;
  std::string model_;
  Form form_;
  Collected collected_;
};

class OllamaEmbedWriter final : public Writer {
 public:
  OllamaEmbedWriter(std::string model, size_t n_inputs, size_t n_dimensions, bool only_one)
      : model_(std::move(model)),
        n_inputs_(n_inputs),
        n_dimensions_(n_dimensions),
        only_one_(only_one) {}

  std::string stream(const Event&) override { return {}; }
  std::string stream_failure(const Error&) override { return {}; }

  http::Response whole(const Collected& all) override {
    auto vectors = read_vectors(all, n_inputs_);
    if (!vectors) return error_response(Dialect::kOllama, vectors.error());
    for (std::vector<float>& vector : *vectors) {
      if (const Status cut = shorten(vector, n_dimensions_); !cut)
        return error_response(Dialect::kOllama, cut.error());
    }
    if (only_one_) return json_response(Json{{"embedding", vectors->front()}});
    Json body = {{"model", model_}, {"embeddings", *vectors}};
    const engine::Usage& usage = all.usage;
    body["total_duration"] = nanoseconds(usage.load_ms + usage.queued_ms + usage.prefill_ms);
    body["load_duration"] = nanoseconds(usage.load_ms);
    body["prompt_eval_count"] = tokens_of(all);
    add_warnings(body, all.warnings);
    return json_response(body);
  }

 private:
  std::string model_;
  size_t n_inputs_, n_dimensions_;
  bool only_one_;
};

Status read_format(const Json& format, engine::Job& job) {
  if (format.is_null() || format == "") return {};
  if (format == "json") {
    job.shape = engine::Shape::kJsonObject;
    return {};
  }
  if (!format.is_object()) return bad_field("format", "json or a JSON schema is wanted");
  return set_schema(format, "format", job);
}

Status read_think(const Json& think, engine::Job& job) {
  if (think.is_null()) return {};
  if (think.is_boolean()) {
    job.thinking = think.get<bool>() ? engine::Thinking::kOn : engine::Thinking::kOff;
    return {};
  }
  if (!think.is_string()) return bad_field("think", "true, false, low, medium or high is wanted");
  job.thinking = engine::Thinking::kOn;
  return read_effort("think", think.get<std::string>(), job);
}

Status read_logprobs(const RequestFields& fields, engine::Job& job) {
  if (fields.flag("logprobs", false))
    job.n_logprobs = static_cast<int>(fields.integer("top_logprobs", 0));
  return {};
}

// Ollama's messages in OpenAI's shape.
Result<Json> openai_messages(Json messages) {
  if (!messages.is_array()) return bad_field("messages", "a list of messages is wanted");
  for (size_t i = 0; i < messages.size(); ++i) {
    Json& message = messages[i];
    const std::string where = fmt::format("messages[{}]", i);
    if (!message.is_object()) return bad_field(where, "an object is wanted");
    if (const auto images = message.find("images"); images != message.end()) {
      if (!images->is_null() && !images->empty())
        return bad_field(where + ".images", "images are not supported");
      message.erase("images");
    }
    if (const auto thinking = message.find("thinking"); thinking != message.end()) {
      if (thinking->is_string()) message["reasoning_content"] = *thinking;
      message.erase("thinking");
    }
    if (const auto name = message.find("tool_name"); name != message.end()) message["name"] = *name;
    const auto calls = message.find("tool_calls");
    if (calls == message.end() || !calls->is_array()) continue;
    for (size_t k = 0; k < calls->size(); ++k) {
      Json& call = (*calls)[k];
      if (!call.is_object() || !call.contains("function") || !call["function"].is_object())
        return bad_field(where + ".tool_calls", "objects with a function are wanted");
      Json& arguments = call["function"]["arguments"];
      if (!arguments.is_string())
        arguments = json_text(arguments.is_null() ? Json::object() : arguments);
      if (!call.contains("id")) call["id"] = fmt::format("call_{}_{}", i, k);
      call["type"] = "function";
    }
  }
  return text_messages(std::move(messages));
}

// An empty request says how long the model is to stay, or that it is to go.
void load_or_unload(const std::shared_ptr<Call>& call, const Target& target, Form form) {
  App& app = call->app;
  const bool unload = target.wish.keep_alive_s == 0;
  auto finish = [call, form, unload](const Status& status) {
    const bool was_out = !status && unload && status.error().code == ErrorCode::kNotFound;
    if (!status && !was_out) return call->fail(status.error());
    Json body = {{"model", call->fields.text("model")}, {"created_at", call->app.iso_time()}};
    if (form == Form::kGenerate) body["response"] = "";
    if (form == Form::kChat) body["message"] = {{"role", "assistant"}, {"content", ""}};
    body["done"] = true;
    body["done_reason"] = unload ? "unload" : "load";
    call->send(body);
  };
  if (unload) {
    if (const auto known = app.models().find(target.model); !known)
      return call->fail(known.error());
    return finish(app.models().unload(target.model));
  }
  app.models().load(target.model, target.wish, [&app, finish](Status status) {
    app.post([finish, status = std::move(status)] { finish(status); });
  });
}

Result<Target> read_both(Call& call, engine::Job& job) {
  TRY_LET(Target target, read_target(call, job));
  TRY(read_ollama_options(call, job, target.wish));
  TRY(read_format(call.fields.json("format"), job));
  TRY(read_think(call.fields.json("think"), job));
  TRY(read_logprobs(call.fields, job));
  return target;
}

void start(const std::shared_ptr<Call>& call, Target target, engine::Job job, Form form) {
  Work work;
  work.target = std::move(target);
  work.jobs.push_back(std::move(job));
  work.stream = call->fields.flag("stream", true);
  start_work(call, std::move(work), std::make_unique<OllamaWriter>(*call, form));
}

Status read_generate_prompt(Call& call, engine::Job& job) {
  const RequestFields& fields = call.fields;
  if (!fields.json("images").empty()) return bad_field("images", "images are not supported");
  if (!fields.json("context").empty())
    return bad_field("context", "is not kept here; send messages to /api/chat");
  const std::string prompt = fields.text("prompt"), suffix = fields.text("suffix");
  if (fields.flag("raw", false) || !suffix.empty()) {
    job.kind = engine::JobKind::kComplete;
    job.prompt = prompt;
    job.suffix = suffix;
    return {};
  }
  job.messages = Json::array();
  if (fields.has("system"))
    job.messages.push_back({{"role", "system"}, {"content", fields.text("system")}});
  job.messages.push_back({{"role", "user"}, {"content", prompt}});
  return {};
}

Status check_template(const std::string& text, engine::Job& job) {
  if (text.empty()) return {};
  if (text.find("messages") == std::string::npos)
    return bad_field("template", "a Jinja template over 'messages' is wanted, Go's are not known");
  job.chat_template = text;
  return {};
}

}  // namespace

Status read_ollama_options(Call& call, engine::Job& job, LoadWish& wish) {
  RequestFields& fields = call.fields;
  if (fields.has("keep_alive")) {
    TRY_LET(wish.keep_alive_s, read_duration("keep_alive", fields.json("keep_alive")));
  }
  if (!fields.has("options")) return {};
  TRY_LET(RequestFields options,
          RequestFields::read(ollama_options_fields(), fields.json("options"), "options."));
  TRY(options.read_sampler(job.sampler));
  TRY(read_stop(options, "stop", job));
  if (options.has("num_predict"))
    job.max_tokens = std::max<int64_t>(-1, options.integer("num_predict", -1));
  if (options.has("num_ctx")) wish.n_ctx = options.integer("num_ctx", 0);
  for (std::string& warning : options.warnings) fields.warnings.push_back(std::move(warning));
  return {};
}

void answer_ollama_chat(const std::shared_ptr<Call>& call) {
  engine::Job job;
  job.kind = engine::JobKind::kChat;
  const bool empty = call->fields.json("messages").empty();
  if (!empty) {
    auto messages = openai_messages(call->fields.take("messages"));
    if (!messages) return call->fail(messages.error());
    job.messages = std::move(*messages);
  }
  auto target = read_both(*call, job);
  if (!target) return call->fail(target.error());
  if (empty) return load_or_unload(call, *target, Form::kChat);
  if (const Status read = read_tools(call->fields.take("tools"), job); !read)
    return call->fail(read.error());
  start(call, std::move(*target), std::move(job), Form::kChat);
}

void answer_ollama_generate(const std::shared_ptr<Call>& call) {
  engine::Job job;
  job.kind = engine::JobKind::kChat;
  const bool empty = call->fields.text("prompt").empty() && call->fields.text("suffix").empty();
  if (const Status read = read_generate_prompt(*call, job); !read) return call->fail(read.error());
  auto target = read_both(*call, job);
  if (!target) return call->fail(target.error());
  if (empty) return load_or_unload(call, *target, Form::kGenerate);
  if (const Status read = check_template(call->fields.text("template"), job); !read)
    return call->fail(read.error());
  start(call, std::move(*target), std::move(job), Form::kGenerate);
}

void answer_ollama_embed(const std::shared_ptr<Call>& call) {
  engine::Job job;
  job.kind = engine::JobKind::kEmbed;
  auto target = read_target(*call, job);
  if (!target) return call->fail(target.error());
  if (const Status read = read_ollama_options(*call, job, target->wish); !read)
    return call->fail(read.error());
  const bool only_one = call->route.pattern == "/api/embeddings";
  const char* field = only_one ? "prompt" : "input";
  const auto n_inputs = read_inputs(field, call->fields.json(field), false, job);
  if (!n_inputs) return call->fail(n_inputs.error());
  const auto n_dimensions =
      only_one ? size_t{0} : static_cast<size_t>(call->fields.integer("dimensions", 0));
  Work work;
  work.target = std::move(*target);
  work.jobs.push_back(std::move(job));
  start_work(call, std::move(work),
             std::make_unique<OllamaEmbedWriter>(call->fields.text("model"), *n_inputs,
                                                 n_dimensions, only_one));
}

}  // namespace hearth::server
