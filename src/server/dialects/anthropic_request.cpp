// SPDX-License-Identifier: MIT
// Source: Anthropic API reference, messages, 2026.
#include "server/dialects/anthropic_request.h"

#include "base/quote.h"
#include "server/dialects/anthropic_fields.h"
#include "server/dialects/request_parts.h"

namespace hearth::server {
namespace {

// The text of a content that may only be text: a system text, a tool's result.
Result<std::string> plain_text(const Json& content, const std::string& where) {
  if (content.is_null()) return std::string();
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array()) return bad_field(where, "a text or a list of blocks is wanted");
  std::string all;
  for (size_t i = 0; i < content.size(); ++i) {
    const std::string type = text_in(content[i], "type");
    if (type != "text") {
      return bad_field(fmt::format("{}[{}]", where, i),
                       fmt::format("blocks of type {} are not supported", quote(type)));
    }
    all += (all.empty() ? "" : "\n") + text_in(content[i], "text");
  }
  return all;
}

// One message of theirs may be several of OpenAI's: results of tools are messages of their own.
class MessageReader {
 public:
  MessageReader(Json& out, std::string role, std::string where)
      : out_(out), role_(std::move(role)), where_(std::move(where)) {}

  Status read(const Json& content) {
    if (content.is_string()) {
      text_ = content.get<std::string>();
      return finish();
    }
    if (!content.is_array())
      return bad_field(where_ + ".content", "a text or a list of blocks is wanted");
    for (size_t i = 0; i < content.size(); ++i)
      TRY(block(content[i], fmt::format("{}.content[{}]", where_, i)));
    return finish();
  }

 private:
  Status block(const Json& block, const std::string& where) {
    const std::string type = text_in(block, "type");
    if (type == "text") {
      text_ += (text_.empty() ? "" : "\n") + text_in(block, "text");
      return {};
    }
    if (type == "tool_use" && role_ == "assistant") return tool_use(block, where);
    if (type == "tool_result" && role_ == "user") return tool_result(block, where);
    if (type == "thinking" && role_ == "assistant") {
      reasoning_ += text_in(block, "thinking");
      return {};
    }
    if (type == "redacted_thinking") return {};
    const Json* source = member_of(block, "source");
    if (type == "document" && source != nullptr && text_in(*source, "type") == "text") {
      text_ += (text_.empty() ? "" : "\n") + text_in(*source, "data");
      return {};
    }
    return bad_field(where, fmt::format("blocks of type {} are not supported in a message of {}",
                                        quote(type), quote(role_)));
  }

  Status tool_use(const Json& block, const std::string& where) {
    const std::string name = text_in(block, "name");
    if (name.empty()) return bad_field(where + ".name", "the name of the tool is wanted");
    const Json* input = member_of(block, "input");
    calls_.push_back(
        {{"id", text_in(block, "id")},
         {"type", "function"},
         {"function",
          {{"name", name}, {"arguments", input == nullptr ? "{}" : json_text(*input)}}}});
    return {};
  }

  Status tool_result(const Json& block, const std::string& where) {
    const Json* content = member_of(block, "content");
    TRY_LET(std::string text,
            plain_text(content == nullptr ? Json() : *content, where + ".content"));
    const Json* is_error = member_of(block, "is_error");
    if (is_error != nullptr && *is_error == true) text = "Error: " + text;
    out_.push_back({{"role", "tool"},
                    {"tool_call_id", text_in(block, "tool_use_id")},
                    {"content", std::move(text)}});
    has_results_ = true;
    return {};
  }

  Status finish() {
    if (text_.empty() && has_results_) return {};
    Json message = {{"role", role_}, {"content", text_}};
    if (!reasoning_.empty()) message["reasoning_content"] = reasoning_;
    if (!calls_.empty()) message["tool_calls"] = calls_;
    out_.push_back(std::move(message));
    return {};
  }

  Json& out_;
  std::string role_, where_, text_, reasoning_;
  Json calls_ = Json::array();
  bool has_results_ = false;
};

Status read_thinking(Call& call, engine::Job& job) {
  const Json& thinking = call.fields.json("thinking");
  if (thinking.is_null()) return {};
  TRY_LET(const RequestFields fields,
          RequestFields::read(anthropic_thinking_fields(), thinking, "thinking."));
  const std::string type = fields.text("type");
  if (type == "disabled") {
    job.thinking = engine::Thinking::kOff;
  } else if (type == "enabled") {
    job.thinking = engine::Thinking::kOn;
    job.thinking_budget = fields.integer("budget_tokens", -1);
  } else if (type != "adaptive") {
    return bad_field("thinking.type", "enabled, adaptive or disabled is wanted");
  }
  return {};
}

Status read_choice(Call& call, engine::Job& job) {
  const Json& choice = call.fields.json("tool_choice");
  if (choice.is_null()) return {};
  TRY_LET(const RequestFields fields,
          RequestFields::read(anthropic_tool_choice_fields(), choice, "tool_choice."));
  job.parallel_tool_calls = !fields.flag("disable_parallel_tool_use", false);
  const std::string type = fields.text("type");
  if (type == "tool")
    return read_tool_choice({{"type", "function"}, {"name", fields.text("name")}}, job);
  if (type != "auto" && type != "any" && type != "none")
    return bad_field("tool_choice.type", "auto, any, tool or none is wanted");
  return read_tool_choice(type, job);
}

Status read_output(Call& call, engine::Job& job) {
  const Json& config = call.fields.json("output_config");
  TRY(read_effort("output_config.effort", text_in(config, "effort"), job));
  const Json* format = member_of(config, "format");
  if (format == nullptr) return {};
  const Json* schema = member_of(*format, "schema");
  if (schema == nullptr) return bad_field("output_config.format", "a schema is wanted");
  return set_schema(*schema, "output_config.format", job);
}

}  // namespace

Result<Json> messages_of_anthropic(const Json& system, const Json& messages) {
  Json out = Json::array();
  TRY_LET(std::string system_text, plain_text(system, "system"));
  if (!system_text.empty())
    out.push_back({{"role", "system"}, {"content", std::move(system_text)}});
  if (!messages.is_array() || messages.empty())
    return bad_field("messages", "a list of messages is wanted");
  for (size_t i = 0; i < messages.size(); ++i) {
    const std::string where = fmt::format("messages[{}]", i);
    const std::string role = text_in(messages[i], "role");
    if (role != "user" && role != "assistant")
      return bad_field(where + ".role", "user or assistant is wanted");
    const Json* content = member_of(messages[i], "content");
    if (content == nullptr) return bad_field(where + ".content", "a text or blocks are wanted");
    TRY(MessageReader(out, role, where).read(*content));
  }
  return out;
}

Result<Json> tools_of_anthropic(const Json& tools) {
  if (tools.is_null()) return Json();
  Json out = Json::array();
  for (size_t i = 0; i < tools.size(); ++i) {
    const Json& tool = tools[i];
    const std::string type = text_in(tool, "type");
    if (!type.empty() && type != "custom")
      return bad_field(fmt::format("tools[{}].type", i), "only tools of the client are known here");
    const Json* schema = member_of(tool, "input_schema");
    Json function = {{"name", text_in(tool, "name")},
                     {"description", text_in(tool, "description")},
                     {"parameters", schema == nullptr ? Json::object() : *schema}};
    out.push_back({{"type", "function"}, {"function", std::move(function)}});
  }
  return out;
}

Status read_anthropic_prompt(Call& call, engine::Job& job) {
  RequestFields& fields = call.fields;
  TRY_LET(job.messages, messages_of_anthropic(fields.json("system"), fields.json("messages")));
  TRY_LET(Json tools, tools_of_anthropic(fields.json("tools")));
  TRY(read_tools(std::move(tools), job));
  TRY(read_choice(call, job));
  TRY(read_thinking(call, job));
  TRY(read_output(call, job));
  // Their way of beginning an answer for the model.
  job.continue_last = job.messages.back()["role"] == "assistant";
  return {};
}

}  // namespace hearth::server
