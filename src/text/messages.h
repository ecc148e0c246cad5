// SPDX-License-Identifier: MIT
// Conversations as JSON from outside, in the OpenAI shape: the one reader for messages files,
// saved chats and requests, with one set of bounds. In: bytes. Out: what a chat template is given.
#pragma once
#include <cstddef>
#include <ctime>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hearth::text {

constexpr size_t kMaxConversationBytes = 64u << 20;  // far above any conversation
constexpr int kMaxJsonDepth = 100;
// Members of one object. They are kept in order, so finding one is a walk through all.
constexpr size_t kMaxJsonMembers = 1024;

struct ChatInput {
  nlohmann::ordered_json messages;     // array; see check_messages
  nlohmann::ordered_json tools;        // array of objects, or null
  bool add_generation_prompt = false;  // end where the answer begins
  nlohmann::ordered_json variables =
      nlohmann::ordered_json::object();  // any others, by name:
                                         // bos_token, eos_token, enable_thinking, reasoning_effort,
                                         // …
  std::tm now = local_now();             // what strftime_now shows

  static std::tm local_now();
};

// JSON text within the bounds above whose integers all keep their value: one past 64 bits, which
// the library would make a float without a word, is an error. `max_depth` is for those who put what
// passed here into an object of their own.
Result<nlohmann::ordered_json> parse_exact_json(std::string_view text,
                                                int max_depth = kMaxJsonDepth);

// {"messages":[…],"tools":[…]|null,"add_generation_prompt":true, any further variable}, or the bare
// array of messages. What it answers has passed the checks below.
Result<ChatInput> parse_conversation(std::string_view text);

// Messages: an array of objects, each with a text "role"; "content" is text, null, absent, or an
// array of parts (text, or objects with a text "type"); "tool_calls" an array of objects. Errors
// name the message and the field.
Status check_messages(const nlohmann::ordered_json& messages);

// Arguments of tool calls that are the JSON text of an object, as requests have them, become that
// object; others stay. For templates that want them so (ChatTemplateFacts).
void open_arguments(nlohmann::ordered_json& messages);

// An array of objects, or null.
Status check_tools(const nlohmann::ordered_json& tools);

}  // namespace hearth::text
