// SPDX-License-Identifier: MIT
#include "text/messages.h"

#include <utility>
#include <vector>

#include "base/json.h"

namespace hearth::text {
namespace {

using Json = nlohmann::ordered_json;

// Reads without building: what must be refused before the values are made.
class JsonCheck final : public nlohmann::json_sax<Json> {
 public:
  explicit JsonCheck(int max_depth) : max_depth_(static_cast<size_t>(max_depth)) {}

  // The first thing that was wrong; the default where it is no JSON at all.
  Status status = invalid("it is not JSON");

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t& digits) override {
    if (digits.find_first_of(".eE") != std::string::npos) return true;
    return refuse(unsupported("the integer {} does not fit in 64 bits", digits));
  }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return open(); }
  bool key(string_t&) override {
    if (++n_members_.back() <= kMaxJsonMembers) return true;
    return refuse(over_limit("an object has more than {} members", kMaxJsonMembers));
  }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  bool open() {
    n_members_.push_back(0);
    if (n_members_.size() <= max_depth_) return true;
    return refuse(over_limit("nested more than {} deep", max_depth_));
  }
  bool close() {
    n_members_.pop_back();
    return true;
  }
  bool refuse(Failure why) {
    status = std::move(why);
    return false;
  }

  size_t max_depth_;
  std::vector<size_t> n_members_;  // of the objects and arrays that are open
};

Status check_content(const Json& content, size_t i_message) {
  if (content.is_null() || content.is_string()) return {};
  if (!content.is_array())
    return invalid("message {}: 'content' must be text, null or an array of parts, not {}",
                   i_message, content.type_name());
  for (size_t i = 0; i < content.size(); ++i) {
    const Json& part = content[i];
    if (part.is_string()) continue;
    if (!part.is_object())
      return invalid("message {}: part {} of 'content' must be an object or text, not {}",
                     i_message, i, part.type_name());
    const auto type = part.find("type");
    if (type == part.end() || !type->is_string())
      return invalid("message {}: part {} of 'content' has no text 'type'", i_message, i);
  }
  return {};
}

Status check_tool_calls(const Json& calls, size_t i_message) {
  if (calls.is_null()) return {};
  if (!calls.is_array())
    return invalid("message {}: 'tool_calls' must be an array, not {}", i_message,
                   calls.type_name());
  for (size_t i = 0; i < calls.size(); ++i)
    if (!calls[i].is_object())
      return invalid("message {}: tool call {} must be an object, not {}", i_message, i,
                     calls[i].type_name());
  return {};
}

}  // namespace

std::tm ChatInput::local_now() {
  const std::time_t seconds = std::time(nullptr);
  std::tm calendar{};
  localtime_r(&seconds, &calendar);
  return calendar;
}

Result<Json> parse_exact_json(std::string_view text, int max_depth) {
  if (text.size() > kMaxConversationBytes)
    return over_limit("more than {} MiB", kMaxConversationBytes >> 20);
  JsonCheck check(max_depth);
  if (!Json::sax_parse(text, &check)) return Failure(std::move(check.status).error());
  return parse_ordered_json(text);
}

Status check_messages(const Json& messages) {
  if (!messages.is_array())
    return invalid("'messages' must be an array, not {}", messages.type_name());
  for (size_t i = 0; i < messages.size(); ++i) {
    const Json& message = messages[i];
    if (!message.is_object())
      return invalid("message {} must be an object, not {}", i, message.type_name());
    const auto role = message.find("role");
    if (role == message.end()) return invalid("message {} has no 'role'", i);
    if (!role->is_string())
      return invalid("message {}: 'role' must be text, not {}", i, role->type_name());
    if (const auto content = message.find("content"); content != message.end())
      TRY(check_content(*content, i));
    if (const auto calls = message.find("tool_calls"); calls != message.end())
      TRY(check_tool_calls(*calls, i));
  }
  return {};
}

void open_arguments(nlohmann::ordered_json& messages) {
  for (auto& message : messages) {
    if (!message.is_object() || !message.contains("tool_calls")) continue;
    for (auto& call : message["tool_calls"]) {
      if (!call.is_object() || !call.contains("function")) continue;
      auto& function = call["function"];
      if (!function.is_object() || !function.contains("arguments")) continue;
      auto& arguments = function["arguments"];
      if (!arguments.is_string()) continue;
      auto opened = parse_exact_json(arguments.get_ref<const std::string&>());
      if (opened && opened->is_object()) arguments = std::move(*opened);
    }
  }
}

Status check_tools(const Json& tools) {
  if (tools.is_null()) return {};
  if (!tools.is_array())
    return invalid("'tools' must be an array or null, not {}", tools.type_name());
  for (size_t i = 0; i < tools.size(); ++i)
    if (!tools[i].is_object())
      return invalid("tool {} must be an object, not {}", i, tools[i].type_name());
  return {};
}

Result<ChatInput> parse_conversation(std::string_view text) {
  TRY_LET(Json json, parse_exact_json(text));
  ChatInput input;
  if (json.is_array()) json = Json{{"messages", std::move(json)}};
  if (!json.is_object() || !json.contains("messages"))
    return with_hint(invalid("must be an object with 'messages'"), "write {}",
                     R"({"messages": [{"role": "user", "content": "Hi"}]})");
  for (auto& [name, value] : json.items()) {
    if (name == "messages") {
      input.messages = std::move(value);
    } else if (name == "tools") {
      input.tools = std::move(value);
    } else if (name == "add_generation_prompt") {
      if (!value.is_boolean()) return invalid("'add_generation_prompt' must be true or false");
      input.add_generation_prompt = value.get<bool>();
    } else {
      input.variables[name] = std::move(value);
    }
  }
  TRY(check_messages(input.messages));
  TRY(check_tools(input.tools));
  return input;
}

}  // namespace hearth::text
