// SPDX-License-Identifier: MIT
// The reader of conversations: what is kept, what is refused and under which name, and that no
// bytes bring it down. The shapes of messages are tested with the templates that read them.
#include "text/messages.h"

#include <gtest/gtest.h>

namespace hearth::text {
namespace {

TEST(Messages, json_whose_integers_would_lose_their_value_is_refused) {
  EXPECT_EQ((*parse_exact_json(R"({"b": 1, "a": [18446744073709551615, -1, 1e30, 2.0]})")).dump(),
            R"({"b":1,"a":[18446744073709551615,-1,1e+30,2.0]})");
  EXPECT_EQ(parse_exact_json(R"([18446744073709551616])").error().message,
            "the integer 18446744073709551616 does not fit in 64 bits");
  EXPECT_FALSE(parse_exact_json(R"([-9223372036854775809])"));
  for (const char* text : {"", "{", "[1,]", "nul", "[1] x", "\"\xff\""})
    EXPECT_EQ(parse_exact_json(text).error().message, "it is not JSON") << text;
}

TEST(Messages, deep_nesting_is_refused_however_deep) {
  const auto nested = [](int depth) {
    const auto n = static_cast<size_t>(depth);
    return std::string(n, '[') + std::string(n, ']');
  };
  EXPECT_TRUE(parse_exact_json(nested(kMaxJsonDepth)));
  for (const int depth : {kMaxJsonDepth + 1, 1'000'000}) {
    EXPECT_EQ(parse_exact_json(nested(depth)).error().code, ErrorCode::kLimit) << depth;
    EXPECT_EQ(parse_exact_json(std::string(static_cast<size_t>(depth), '[')).error().code,
              ErrorCode::kLimit);
  }
}

TEST(Messages, an_object_of_too_many_members_and_a_text_of_too_many_bytes_are_refused) {
  const auto object = [](size_t n) {
    std::string text = "{";
    for (size_t i = 0; i < n; ++i) text += (i ? ",\"" : "\"") + std::to_string(i) + "\":0";
    return text + "}";
  };
  EXPECT_TRUE(parse_exact_json(object(kMaxJsonMembers)));
  EXPECT_TRUE(parse_exact_json("[" + object(kMaxJsonMembers) + "," + object(1) + "]"));
  EXPECT_EQ(parse_exact_json(object(kMaxJsonMembers + 1)).error().code, ErrorCode::kLimit);
  std::string large(kMaxConversationBytes, ' ');
  large.replace(0, 2, "[]");
  EXPECT_TRUE(parse_exact_json(large));
  EXPECT_EQ(parse_exact_json(large + " ").error().code, ErrorCode::kLimit);
}

TEST(Messages, a_conversation_has_messages_tools_a_switch_and_variables) {
  const auto input = parse_conversation(R"({"enable_thinking":false,"messages":[
      {"role":"assistant","content":null,"tool_calls":[{"id":"1"}]},
      {"role":"ipython","content":"42","tool_call_id":"1"},
      {"role":"user","content":[{"type":"text","text":"hi"}]}],
      "tools":[{"type":"function"}],"add_generation_prompt":true})");
  ASSERT_TRUE(input) << input.error().message;
  EXPECT_EQ(input->messages[0]["tool_calls"][0]["id"], "1");
  EXPECT_EQ(input->messages[2]["content"][0]["text"], "hi");
  EXPECT_EQ(input->tools.size(), 1u);
  EXPECT_TRUE(input->add_generation_prompt);
  EXPECT_EQ(input->variables.dump(), R"({"enable_thinking":false})");
}

TEST(Messages, a_bare_array_is_messages) {
  const auto input = parse_conversation(R"([{"role":"user","content":"hi"}])");
  ASSERT_TRUE(input) << input.error().message;
  EXPECT_EQ(input->messages.dump(), R"([{"role":"user","content":"hi"}])");
  EXPECT_TRUE(input->tools.is_null());
  EXPECT_FALSE(input->add_generation_prompt);
  EXPECT_TRUE(input->variables.empty());
  EXPECT_TRUE(parse_conversation("[]")->messages.is_array());
}

TEST(Messages, anything_else_is_refused_by_name) {
  const std::pair<const char*, const char*> cases[] = {
      {"[] []", "it is not JSON"},
      {"7", "must be an object with 'messages'"},
      {"{}", "must be an object with 'messages'"},
      {R"({"messages":{}})", "'messages' must be an array, not object"},
      {R"({"messages":[],"tools":7})", "'tools' must be an array or null, not number"},
      {R"({"messages":[],"add_generation_prompt":1})",
       "'add_generation_prompt' must be true or false"},
      {"[7]", "message 0 must be an object, not number"},
      {R"([{"role":"user","content":"a"},{"content":"b"}])", "message 1 has no 'role'"},
  };
  for (const auto& [text, message] : cases) {
    const auto input = parse_conversation(text);
    ASSERT_FALSE(input) << text;
    EXPECT_EQ(input.error().message, message) << text;
  }
}

TEST(Messages, every_prefix_and_every_flipped_byte_is_read_or_refused) {
  const std::string whole =
      R"({"messages":[{"role":"system","content":"\u00e9"},{"role":"user","content":["a",)"
      R"({"type":"n","n":1e5}]}],"tools":[{}]})";
  ASSERT_TRUE(parse_conversation(whole));
  for (size_t n = 0; n < whole.size(); ++n) EXPECT_FALSE(parse_conversation(whole.substr(0, n)));
  for (size_t i = 0; i < whole.size(); ++i) {
    for (const int bit : {1, 2, 8, 32, 128}) {
      std::string flipped = whole;
      flipped[i] = static_cast<char>(flipped[i] ^ bit);
      const auto input = parse_conversation(flipped);
      EXPECT_TRUE(!input || input->messages.is_array()) << flipped;
    }
  }
}

}  // namespace
}  // namespace hearth::text
