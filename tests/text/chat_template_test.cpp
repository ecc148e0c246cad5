// SPDX-License-Identifier: MIT
#include "text/chat_template.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace hearth::text {
namespace {

using Json = nlohmann::ordered_json;

ChatInput input_of(const char* messages) {
  ChatInput input;
  input.messages = parse_ordered_json(messages);
  return input;
}

TEST(ChatTemplate, renders_messages_with_the_variables_that_it_is_given) {
  const auto chat = ChatTemplate::parse(
      "{{ bos_token }}{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
      "{% if add_generation_prompt %}<assistant>{% endif %}{{ tools is none }}");
  ASSERT_TRUE(chat);
  ChatInput input = input_of(R"([{"role":"user","content":"phở"}])");
  input.add_generation_prompt = true;
  input.variables["bos_token"] = "<s>";
  EXPECT_EQ(*chat->render(input), "<s><user>phở<assistant>True");
  EXPECT_EQ(*chat->render(input), "<s><user>phở<assistant>True");
}

TEST(ChatTemplate, a_model_without_a_template_says_what_to_do) {
  const auto chat = ChatTemplate::parse("");
  ASSERT_FALSE(chat);
  EXPECT_EQ(chat.error().code, ErrorCode::kNotFound);
  EXPECT_NE(chat.error().hint.find("--raw"), std::string::npos);
}

TEST(ChatTemplate, messages_of_the_wrong_shape_are_named) {
  const auto chat = ChatTemplate::parse("{{ messages|length }}");
  ASSERT_TRUE(chat);
  const std::pair<const char*, const char*> kCases[] = {
      {R"({})", "'messages' must be an array, not object"},
      {R"("hi")", "'messages' must be an array, not string"},
      {R"([1])", "message 0 must be an object, not number"},
      {R"([{"role":"user","content":"a"},{"content":"b"}])", "message 1 has no 'role'"},
      {R"([{"role":1}])", "message 0: 'role' must be text, not number"},
      {R"([{"role":"user","content":1}])",
       "message 0: 'content' must be text, null or an array of parts, not number"},
      {R"([{"role":"user","content":[1]}])",
       "message 0: part 0 of 'content' must be an object or text, not number"},
      {R"([{"role":"user","content":[{"text":"x"}]}])",
       "message 0: part 0 of 'content' has no text 'type'"},
      {R"([{"role":"assistant","tool_calls":{}}])",
       "message 0: 'tool_calls' must be an array, not object"},
      {R"([{"role":"assistant","tool_calls":[1]}])",
       "message 0: tool call 0 must be an object, not number"},
  };
  for (const auto& [messages, expected] : kCases) {
    const auto rendered = chat->render(input_of(messages));
    ASSERT_FALSE(rendered) << messages;
    EXPECT_EQ(rendered.error().message, expected);
  }
  ChatInput input = input_of("[]");
  input.tools = "x";
  EXPECT_EQ(chat->render(input).error().message, "'tools' must be an array or null, not string");
  input.tools = Json::array({1});
  EXPECT_EQ(chat->render(input).error().message, "tool 0 must be an object, not number");
}

TEST(ChatTemplate, what_python_keeps_in_64_bits_is_kept_and_more_is_refused) {
  const auto chat = ChatTemplate::parse("{{ x }}");
  ChatInput input = input_of("[]");
  input.variables["x"] = 9223372036854775807;
  EXPECT_EQ(*chat->render(input), "9223372036854775807");
  input.variables["x"] = 18446744073709551615u;
  EXPECT_NE(chat->render(input).error().message.find("does not fit"), std::string::npos);
}

TEST(ChatTemplate, deep_messages_are_refused) {
  const auto chat = ChatTemplate::parse("{{ x }}");
  ChatInput input = input_of("[]");
  Json deep = 1;
  for (int i = 0; i < 10'000; ++i) {
    Json outer = Json::array();
    outer.push_back(std::move(deep));
    deep = std::move(outer);
  }
  input.variables["x"] = std::move(deep);
  EXPECT_EQ(chat->render(input).error().code, ErrorCode::kLimit);
}

TEST(ChatTemplate, a_long_conversation_is_not_taken_for_a_bomb) {
  const auto chat = ChatTemplate::parse(
      "{% set ns = namespace(n=0) %}{% for m in messages %}{% set text = m.content.split('|')[-1] "
      "%}{% set ns.n = ns.n + 1 %}{{ '<' + m.role + '>' + text + '\\n' }}{% endfor %}{{ ns.n }}");
  ChatInput input;
  for (int i = 0; i < 50'000; ++i)
    input.messages.push_back({{"role", "user"}, {"content", std::string(100, 'x')}});
  const auto rendered = chat->render(input);
  ASSERT_TRUE(rendered) << rendered.error().message;
  EXPECT_EQ(rendered->substr(rendered->size() - 5), "50000");
}

TEST(ChatTemplate, arguments_of_calls_are_wanted_as_what_is_not_quoted_twice) {
  const auto wants_objects = [](std::string_view shown) {
    const auto chat =
        ChatTemplate::parse("{% for m in messages %}{% for c in m.tool_calls or [] %}" +
                            std::string(shown) + "{% endfor %}{% endfor %}");
    return chat.value().facts().object_arguments;
  };
  EXPECT_TRUE(wants_objects("{{ c.function.arguments | tojson }}"));
  EXPECT_TRUE(wants_objects("{{ c.function | tojson }}"));
  EXPECT_FALSE(wants_objects("{{ '```' + c.function.arguments + '```' }}"));
  EXPECT_FALSE(wants_objects("{{ c.function.arguments }}"));
  EXPECT_FALSE(wants_objects("{{ c.function.name }}"));
}

TEST(Messages, arguments_that_are_the_text_of_an_object_are_opened_and_others_stay) {
  auto messages = parse_exact_json(R"([{"role": "user", "content": "{}"},
      {"role": "assistant", "tool_calls": [{"function": {"arguments": "{\"a\": [1]}"}},
      {"function": {"arguments": "[1]"}}, {"function": {"arguments": "{"}}, {"id": "x"}]}])");
  open_arguments(*messages);
  const auto& calls = (*messages)[1]["tool_calls"];
  EXPECT_EQ((*messages)[0]["content"], "{}");
  EXPECT_EQ(calls[0]["function"]["arguments"], (nlohmann::ordered_json{{"a", {1}}}));
  EXPECT_EQ(calls[1]["function"]["arguments"], "[1]");
  EXPECT_EQ(calls[2]["function"]["arguments"], "{");
}

TEST(ChatTemplate, facts_are_found_by_rendering) {
  const auto plain = ChatTemplate::parse("{% for m in messages %}{{ m.content }}{% endfor %}");
  EXPECT_FALSE(plain->facts().uses_tools);
  EXPECT_FALSE(plain->facts().refuses_system);
  EXPECT_EQ(plain->facts().thinking_switch, "");
  const auto rich = ChatTemplate::parse(
      "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
      "{{ tools|tojson if tools }}{{ '<think>' if enable_thinking }}");
  EXPECT_TRUE(rich->facts().uses_tools);
  EXPECT_TRUE(rich->facts().refuses_system);
  EXPECT_EQ(rich->facts().thinking_switch, "enable_thinking");
}

}  // namespace
}  // namespace hearth::text
