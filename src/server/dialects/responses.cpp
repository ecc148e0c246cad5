// SPDX-License-Identifier: MIT
// OpenAI's responses: answers as items, streamed as events, kept to be gone on from.
// Source: OpenAI API reference, responses and their streaming events, 2026.
#include "base/quote.h"
#include "server/dialects/dialects.h"
#include "server/dialects/openai_shapes.h"
#include "server/dialects/responses_request.h"

namespace hearth::server {
namespace {

using engine::Event;
using engine::EventKind;

Json response_usage(const engine::Usage& usage) {
  return {{"input_tokens", usage.n_prompt},
          {"input_tokens_details", {{"cached_tokens", usage.n_cached}}},
          {"output_tokens", usage.n_completion},
          {"output_tokens_details", {{"reasoning_tokens", usage.n_reasoning}}},
          {"total_tokens", usage.n_prompt + usage.n_completion}};
}

class ResponseWriter final : public Writer {
 public:
  ResponseWriter(const std::shared_ptr<Call>& call, Json messages, bool keep)
      : call_(call),
        id_(call->app.make_id("resp_")),
        created_(call->app.unix_s()),
        echoed_(echoed_fields(call->fields)),
        messages_(std::move(messages)),
        keep_(keep) {}

  std::string stream(const Event& event) override {
    switch (event.kind) {
      case EventKind::kStarted:
        return start();
      case EventKind::kDelta:
      case EventKind::kFinished: {
        std::string text = start() + delta(event);
        if (event.kind == EventKind::kFinished) {
          reason_ = event.finish_reason;
          text += close_item();
        }
        return text;
      }
      case EventKind::kDone:
        return start() + end(event);
      case EventKind::kResult:
      case EventKind::kError:
        break;
    }
    return {};
  }

  std::string stream_failure(const Error& error) override {
    const Json told = error_json(Dialect::kOpenAi, status_of(error), error)["error"];
    Json body = object("failed");
    body["error"] = {{"code", told["code"]}, {"message", told["message"]}};
    return event("response.failed", {{"response", std::move(body)}});
  }

  http::Response whole(const Collected& all) override {
    static const CollectedAnswer none;
    const CollectedAnswer& answer = all.answers.empty() ? none : all.answers.front();
    reason_ = answer.finish_reason;
    if (!answer.reasoning.empty()) take_item(Item::kReasoning, answer.reasoning);
    if (!answer.text.empty() || answer.calls.empty()) take_item(Item::kMessage, answer.text);
    for (const CollectedCall& call : answer.calls) {
      open_ = Item::kCall;
      call_id_ = call.id;
      call_name_ = call.name;
      text_ = call.arguments;
      item_id_ = call_->app.make_id("fc_");
      output_.push_back(item("completed"));
      open_ = Item::kNone;
    }
    Json body = finished_object(all.usage, all.warnings);
    store(body);
    return json_response(body);
  }

 private:
  enum class Item { kNone, kReasoning, kMessage, kCall };

  std::string event(std::string_view type, Json members) {
    Json body = {{"type", type}, {"sequence_number", sequence_++}};
    body.update(members);
    return sse_event(type, body);
  }

  Json object(std::string_view status) const {
    Json body = {{"id", id_},
                 {"object", "response"},
                 {"created_at", created_},
                 {"status", status},
                 {"error", nullptr},
                 {"incomplete_details", nullptr},
                 {"model", call_->fields.text("model")},
                 {"output", output_}};
    body.update(echoed_);
    body["usage"] = nullptr;
    return body;
  }

  Json finished_object(const engine::Usage& usage, const std::vector<std::string>& warnings) const {
    const bool cut = reason_ == "length" || reason_ == "context_full";
    Json body = object(cut ? "incomplete" : "completed");
    if (cut) body["incomplete_details"] = {{"reason", "max_output_tokens"}};
    body["usage"] = response_usage(usage);
    add_warnings(body, warnings);
    return body;
  }

  std::string start() {
    if (begun_) return {};
    begun_ = true;
    return event("response.created", {{"response", object("in_progress")}}) +
           event("response.in_progress", {{"response", object("in_progress")}});
  }

  // The item that is open, as it is now.
  Json item(std::string_view status) const {
    const bool whole = status == "completed";
    switch (open_) {
      case Item::kReasoning: {
        Json content = Json::array();
        if (whole) content.push_back({{"type", "reasoning_text"}, {"text", text_}});
        return {{"id", item_id_},
                {"type", "reasoning"},
                {"status", status},
                {"summary", Json::array()},
                {"content", std::move(content)}};
      }
      case Item::kCall:
        return {{"id", item_id_},      {"type", "function_call"}, {"status", status},
                {"call_id", call_id_}, {"name", call_name_},      {"arguments", text_}};
      case Item::kMessage:
      case Item::kNone:
        break;
    }
    Json content = Json::array();
    if (whole) content.push_back(part());
    return {{"id", item_id_},
            {"type", "message"},
            {"status", status},
            {"role", "assistant"},
            {"content", std::move(content)}};
  }

  Json part() const {
    if (open_ == Item::kReasoning) return {{"type", "reasoning_text"}, {"text", text_}};
    return {{"type", "output_text"},
            {"text", text_},
            {"annotations", Json::array()},
            {"logprobs", Json::array()}};
  }

  void take_item(Item kind, const std::string& text) {
    open_ = kind;
    item_id_ = call_->app.make_id(kind == Item::kReasoning ? "rs_" : "msg_");
    text_ = text;
    output_.push_back(item("completed"));
    open_ = Item::kNone;
  }

  // What an event says of where it belongs.
  Json place() const { return {{"item_id", item_id_}, {"output_index", output_.size()}}; }

  std::string open_item(Item kind, std::string_view prefix) {
    std::string text = close_item();
    open_ = kind;
    item_id_ = call_->app.make_id(prefix);
    text_.clear();
    text += event("response.output_item.added",
                  {{"output_index", output_.size()}, {"item", item("in_progress")}});
    if (kind == Item::kCall) return text;
    Json members = place();
    members["content_index"] = 0;
    members["part"] = part();
    return text + event("response.content_part.added", std::move(members));
  }

  std::string close_item() {
    if (open_ == Item::kNone) return {};
    std::string text;
    Json members = place();
    if (open_ == Item::kCall) {
      members["name"] = call_name_;
      members["arguments"] = text_;
      text += event("response.function_call_arguments.done", members);
    } else {
      members["content_index"] = 0;
      Json done = members;
      done["text"] = text_;
      if (open_ == Item::kMessage) done["logprobs"] = Json::array();
      text += event(
          open_ == Item::kMessage ? "response.output_text.done" : "response.reasoning_text.done",
          std::move(done));
      members["part"] = part();
      text += event("response.content_part.done", std::move(members));
    }
    Json whole = item("completed");
    text += event("response.output_item.done", {{"output_index", output_.size()}, {"item", whole}});
    output_.push_back(std::move(whole));
    open_ = Item::kNone;
    return text;
  }

  std::string piece(std::string_view type, const std::string& delta) {
    text_ += delta;
    Json members = place();
    if (open_ != Item::kCall) members["content_index"] = 0;
    members["delta"] = delta;
    if (open_ == Item::kMessage) members["logprobs"] = Json::array();
    return event(type, std::move(members));
  }

  std::string delta(const Event& event) {
    std::string text;
    if (!event.reasoning.empty()) {
      if (open_ != Item::kReasoning) text += open_item(Item::kReasoning, "rs_");
      text += piece("response.reasoning_text.delta", event.reasoning);
    }
    if (!event.text.empty()) {
      if (open_ != Item::kMessage) text += open_item(Item::kMessage, "msg_");
      text += piece("response.output_text.delta", event.text);
    }
    for (const engine::ToolCallDelta& call : event.tool_calls) {
      if (open_ != Item::kCall || call.index != i_call_) {
        text += close_item();
        i_call_ = call.index;
        call_id_ = call.id;
        call_name_ = call.name;
        text += open_item(Item::kCall, "fc_");
      }
      if (!call.arguments.empty())
        text += piece("response.function_call_arguments.delta", call.arguments);
    }
    return text;
  }

  std::string end(const Event& done) {
    std::string text = close_item();
    Json body = finished_object(done.usage, done.warnings);
    const bool cut = body["status"] == "incomplete";
    store(body);
    return text + event(cut ? "response.incomplete" : "response.completed",
                        {{"response", std::move(body)}});
  }

  // Reasoning is not part of what is gone on from.
  void store(const Json& body) {
    if (!keep_) return;
    Json message = {{"role", "assistant"}, {"content", ""}};
    for (const Json& one : output_) {
      const std::string type = text_in(one, "type");
      if (type == "message") message["content"] = one["content"][0]["text"];
      if (type == "function_call")
        message["tool_calls"].push_back(openai_tool_call(
            text_in(one, "call_id"), text_in(one, "name"), text_in(one, "arguments")));
    }
    messages_.push_back(std::move(message));
    call_->app.responses().put({id_, call_->identity.owner, std::move(messages_), body});
  }

  std::shared_ptr<Call> call_;
  std::string id_;
  int64_t created_;
  Json echoed_;
  Json messages_;
  bool keep_;

  bool begun_ = false;
  int64_t sequence_ = 0;
  Json output_ = Json::array();  // items that are complete
  Item open_ = Item::kNone;
  int i_call_ = -1;
  std::string item_id_, text_, call_id_, call_name_, reason_;
};

void create_response(const std::shared_ptr<Call>& call) {
  auto request = read_response(*call);
  if (!request) return call->fail(request.error());
  auto writer = std::make_unique<ResponseWriter>(call, std::move(request->messages), request->keep);
  start_work(call, std::move(request->work), std::move(writer));
}

void fail_unknown(const std::shared_ptr<Call>& call) {
  call->fail({ErrorCode::kNotFound, fmt::format("there is no response {}", quote(call->parameter)),
              "kept ones are lost when the server ends"});
}

void retrieve(const std::shared_ptr<Call>& call) {
  const StoredResponse* kept = call->app.responses().find(call->parameter, call->identity.owner);
  if (kept == nullptr) return fail_unknown(call);
  call->send(kept->response);
}

void remove_response(const std::shared_ptr<Call>& call) {
  if (!call->app.responses().remove(call->parameter, call->identity.owner))
    return fail_unknown(call);
  call->send(Json{{"id", call->parameter}, {"object", "response"}, {"deleted", true}});
}

}  // namespace

std::span<const Route> responses_routes() {
  using enum Permission;
  using enum Streaming;
  constexpr Dialect kHere = Dialect::kOpenAi;
  static const Route routes[] = {
      {"POST", "/v1/responses", kInference, kHere, kMaxBody, kSse, responses_fields,
       create_response},
      {"GET", "/v1/responses/{id}", kInference, kHere, 0, kNone, no_fields, retrieve},
      {"DELETE", "/v1/responses/{id}", kInference, kHere, 0, kNone, no_fields, remove_response},
  };
  return routes;
}

}  // namespace hearth::server
