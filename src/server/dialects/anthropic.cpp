// SPDX-License-Identifier: MIT
// Anthropic's dialect: messages, whole and as a stream, and counting tokens.
// Source: Anthropic API reference, messages, streaming and count_tokens, 2026.
#include "base/json.h"
#include "server/dialects/anthropic_fields.h"
#include "server/dialects/anthropic_request.h"
#include "server/dialects/dialects.h"
#include "server/dialects/openai_shapes.h"
#include "server/dialects/request_parts.h"
#include "server/dialects/result_writer.h"

namespace hearth::server {
namespace {

using engine::Event;
using engine::EventKind;

std::string stop_reason(const std::string& reason, const std::string& stopped_by) {
  if (reason == "tool_calls") return "tool_use";
  if (reason == "length") return "max_tokens";
  if (reason == "context_full") return "model_context_window_exceeded";
  if (reason == "error") return "error";
  return stopped_by.empty() ? "end_turn" : "stop_sequence";
}

// What was cached is counted beside the rest, not in it.
Json usage_json(const engine::Usage& usage) {
  return {{"input_tokens", usage.n_prompt - usage.n_cached},
          {"cache_creation_input_tokens", 0},
          {"cache_read_input_tokens", usage.n_cached},
          {"output_tokens", usage.n_completion}};
}

class MessageWriter final : public Writer {
 public:
  explicit MessageWriter(const Call& call)
      : id_(call.app.make_id("msg_")), model_(call.fields.text("model")) {}

  std::string_view call_prefix() const override { return "toolu_"; }

  std::string stream(const Event& event) override {
    switch (event.kind) {
      case EventKind::kStarted:
        return start(event.usage);
      case EventKind::kDelta:
        return start({}) + delta(event);
      case EventKind::kFinished:
        reason_ = event.finish_reason;
        stopped_by_ = event.stopped_by;
        return start({}) + delta(event);
      case EventKind::kDone:
        return start({}) + end(event);
      case EventKind::kResult:
      case EventKind::kError:
        break;
    }
    return {};
  }

  std::string stream_failure(const Error& error) override {
    return sse_event("error", error_json(Dialect::kAnthropic, status_of(error), error));
  }

  http::Response whole(const Collected& all) override {
    static const CollectedAnswer none;
    const CollectedAnswer& answer = all.answers.empty() ? none : all.answers.front();
    Json content = Json::array();
    if (!answer.reasoning.empty())
      content.push_back({{"type", "thinking"}, {"thinking", answer.reasoning}, {"signature", ""}});
    if (!answer.text.empty() || (answer.calls.empty() && content.empty()))
      content.push_back({{"type", "text"}, {"text", answer.text}});
    for (const CollectedCall& call : answer.calls) {
      Json input = parse_ordered_json(call.arguments);
      if (!input.is_object()) input = Json::object();
      content.push_back({{"type", "tool_use"},
                         {"id", call.id},
                         {"name", call.name},
                         {"input", std::move(input)}});
    }
    Json body = head(std::move(content));
    body["stop_reason"] = stop_reason(answer.finish_reason, answer.stopped_by);
    if (!answer.stopped_by.empty()) body["stop_sequence"] = answer.stopped_by;
    body["usage"] = usage_json(all.usage);
    add_warnings(body, all.warnings);
    return json_response(body);
  }

 private:
  enum class Block { kNone, kThinking, kText, kTool };

  Json head(Json content) const {
    return {{"id", id_},
            {"type", "message"},
            {"role", "assistant"},
            {"model", model_},
            {"content", std::move(content)},
            {"stop_reason", nullptr},
            {"stop_sequence", nullptr}};
  }

  std::string start(const engine::Usage& usage) {
    if (begun_) return {};
    begun_ = true;
    Json message = head(Json::array());
    message["usage"] = usage_json(usage);
    return sse_event("message_start",
                     Json{{"type", "message_start"}, {"message", std::move(message)}}) +
           sse_event("ping", Json{{"type", "ping"}});
  }

  std::string close_block() {
    if (block_ == Block::kNone) return {};
    std::string text;
    if (block_ == Block::kThinking) text = piece({{"type", "signature_delta"}, {"signature", ""}});
    block_ = Block::kNone;
    text +=
        sse_event("content_block_stop", Json{{"type", "content_block_stop"}, {"index", index_}});
    ++index_;
    return text;
  }

  std::string open_block(Block block, Json content) {
    std::string text = close_block();
    block_ = block;
    return text + sse_event("content_block_start", Json{{"type", "content_block_start"},
                                                        {"index", index_},
                                                        {"content_block", std::move(content)}});
  }

  std::string piece(Json delta) const {
    return sse_event(
        "content_block_delta",
        Json{{"type", "content_block_delta"}, {"index", index_}, {"delta", std::move(delta)}});
  }

  std::string delta(const Event& event) {
    std::string text;
    if (!event.reasoning.empty()) {
      if (block_ != Block::kThinking)
        text += open_block(Block::kThinking,
                           {{"type", "thinking"}, {"thinking", ""}, {"signature", ""}});
      text += piece({{"type", "thinking_delta"}, {"thinking", event.reasoning}});
    }
    if (!event.text.empty()) {
      if (block_ != Block::kText)
        text += open_block(Block::kText, {{"type", "text"}, {"text", ""}});
      text += piece({{"type", "text_delta"}, {"text", event.text}});
    }
    for (const engine::ToolCallDelta& call : event.tool_calls) {
      if (block_ != Block::kTool || call.index != i_call_) {
        i_call_ = call.index;
        text += open_block(Block::kTool, {{"type", "tool_use"},
                                          {"id", call.id},
                                          {"name", call.name},
                                          {"input", Json::object()}});
      }
      if (!call.arguments.empty())
        text += piece({{"type", "input_json_delta"}, {"partial_json", call.arguments}});
    }
    return text;
  }

  std::string end(const Event& event) {
    std::string text = close_block();
    Json delta = {{"stop_reason", stop_reason(reason_, stopped_by_)},
                  {"stop_sequence", stopped_by_.empty() ? Json() : Json(stopped_by_)}};
    Json body = {
        {"type", "message_delta"}, {"delta", std::move(delta)}, {"usage", usage_json(event.usage)}};
    add_warnings(body, event.warnings);
    return text + sse_event("message_delta", body) +
           sse_event("message_stop", Json{{"type", "message_stop"}});
  }

  std::string id_, model_, reason_, stopped_by_;
  bool begun_ = false;
  Block block_ = Block::kNone;
  int index_ = 0;
  int i_call_ = -1;
};

Result<Work> read_message(Call& call) {
  const RequestFields& fields = call.fields;
  Work work;
  engine::Job job;
  job.kind = engine::JobKind::kChat;
  TRY(read_anthropic_prompt(call, job));
  TRY_LET(work.target, read_target(call, job));
  if (!fields.has("max_tokens")) return bad_field("max_tokens", "a whole number is wanted");
  TRY(fields.read_sampler(job.sampler));
  TRY(read_stop(fields, "stop_sequences", job));
  job.max_tokens = fields.integer("max_tokens", -1);
  const Json& format = fields.json("output_format");
  if (!format.is_null()) {
    const Json* schema = member_of(format, "schema");
    if (schema == nullptr) return bad_field("output_format", "a schema is wanted");
    TRY(set_schema(*schema, "output_format", job));
  }
  if (fields.has("keep_alive")) {
    TRY_LET(work.target.wish.keep_alive_s, read_duration("keep_alive", fields.json("keep_alive")));
  }
  work.jobs.push_back(std::move(job));
  work.stream = fields.flag("stream", false);
  return work;
}

void messages(const std::shared_ptr<Call>& call) {
  auto work = read_message(*call);
  if (!work) return call->fail(work.error());
  start_work(call, std::move(*work), std::make_unique<MessageWriter>(*call));
}

void count_tokens(const std::shared_ptr<Call>& call) {
  engine::Job job;
  job.kind = engine::JobKind::kCount;
  if (const Status read = read_anthropic_prompt(*call, job); !read) return call->fail(read.error());
  job.shape = engine::Shape::kFree;  // counts nothing
  auto target = read_target(*call, job);
  if (!target) return call->fail(target.error());
  Work work;
  work.target = std::move(*target);
  work.jobs.push_back(std::move(job));
  start_work(call, std::move(work), std::make_unique<ResultWriter>([](const Json& result) {
               const Json* n = member_of(result, "n_tokens");
               return Json{{"input_tokens", n == nullptr ? Json(0) : *n}};
             }));
}

}  // namespace

std::span<const Route> anthropic_routes() {
  using enum Permission;
  using enum Streaming;
  constexpr Dialect kHere = Dialect::kAnthropic;
  static const Route routes[] = {
      {"POST", "/v1/messages", kInference, kHere, kMaxBody, kSse, anthropic_message_fields,
       messages},
      {"POST", "/v1/messages/count_tokens", kInference, kHere, kMaxBody, kNone,
       anthropic_count_fields, count_tokens},
  };
  return routes;
}

}  // namespace hearth::server
