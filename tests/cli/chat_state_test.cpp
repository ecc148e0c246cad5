// SPDX-License-Identifier: MIT
#include "cli/chat_state.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/temp_folder.h"

namespace hearth::cli {
namespace {

using nlohmann::json;

ChatState short_talk() {
  ChatState chat;
  chat.set_system("Be brief.");
  chat.add_user("Chào");
  chat.add_assistant("Chào bạn!\n");
  return chat;
}

TEST(ChatState, messages_come_in_the_order_and_form_of_the_template) {
  EXPECT_EQ(short_talk().messages(), json::parse(R"([
      {"role":"system","content":"Be brief."},
      {"role":"user","content":"Chào"},
      {"role":"assistant","content":"Chào bạn!\n"}])"));
}

TEST(ChatState, the_system_prompt_is_set_replaced_removed_and_survives_clear) {
  ChatState chat = short_talk();
  chat.set_system("Sing.");
  EXPECT_EQ(chat.system(), "Sing.");
  EXPECT_EQ(chat.size(), 3u);
  chat.clear();
  EXPECT_EQ(chat.size(), 1u);
  EXPECT_EQ(chat.system(), "Sing.");
  chat.set_system("");
  EXPECT_EQ(chat.size(), 0u);
  EXPECT_EQ(chat.system(), "");
  chat.clear();
  chat.add_user("x");
  chat.set_system("first");
  EXPECT_EQ(chat.messages()[0]["role"], "system");
}

TEST(ChatState, a_question_without_answer_can_be_taken_back) {
  ChatState chat = short_talk();
  chat.drop_unanswered();
  EXPECT_EQ(chat.size(), 3u);
  chat.add_user("again");
  chat.drop_unanswered();
  EXPECT_EQ(chat.messages(), short_talk().messages());
  ChatState empty;
  empty.drop_unanswered();
  EXPECT_EQ(empty.size(), 0u);
}

TEST(ChatState, what_is_saved_is_loaded_again_and_private) {
  const test::TempFolder folder;
  const auto file = folder / "talk.json";
  ASSERT_TRUE(short_talk().save(file));
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(file).permissions(), perms::owner_read | perms::owner_write);
  ChatState chat;
  ASSERT_TRUE(chat.load(file));
  EXPECT_EQ(chat.messages(), short_talk().messages());
}

TEST(ChatState, half_a_character_at_the_end_of_an_answer_can_be_saved) {
  const test::TempFolder folder;
  ChatState chat;
  chat.add_assistant("caf\xc3");
  ASSERT_TRUE(chat.save(folder / "talk.json"));
  ChatState loaded;
  ASSERT_TRUE(loaded.load(folder / "talk.json"));
  EXPECT_EQ(loaded.messages()[0]["content"], "caf\xef\xbf\xbd");
}

TEST(ChatState, a_failed_load_or_save_changes_nothing) {
  const test::TempFolder folder;
  std::ofstream(folder / "bad.json") << R"({"messages":[{"role":"user"}]})";
  ChatState chat = short_talk();
  const Status status = chat.load(folder / "bad.json");
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("bad.json: message 0 has no text"), std::string::npos);
  EXPECT_EQ(chat.load(folder / "none.json").error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(chat.load(folder.path()));
  EXPECT_EQ(chat.messages(), short_talk().messages());
  EXPECT_FALSE(chat.save(folder / "no" / "folder.json"));
}

TEST(Messages, a_bare_list_is_read_and_other_members_are_kept) {
  const auto messages = parse_messages(
      R"([{"role":"assistant","content":null,"tool_calls":[{"id":"1"}]},
          {"role":"tool","content":"42","tool_call_id":"1"},
          {"role":"user","content":[{"type":"text","text":"hi"}]}])");
  ASSERT_TRUE(messages) << messages.error().message;
  EXPECT_EQ((*messages)[0]["tool_calls"][0]["id"], "1");
  EXPECT_EQ((*messages)[2]["content"][0]["text"], "hi");
  EXPECT_EQ(parse_messages("[]")->size(), 0u);
}

TEST(Messages, anything_else_is_refused_by_name) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "not valid JSON"},
      {"{", "not valid JSON"},
      {"[] []", "not valid JSON"},
      {"\"\xff\"", "not valid JSON"},
      {"7", "no list of messages"},
      {"{}", "no list of messages"},
      {R"({"messages":{}})", "no list of messages"},
      {"[7]", "message 0 is not an object"},
      {R"([{"role":"user","content":"a"},{"content":"b"}])", "message 1 has no role"},
      {R"([{"role":3,"content":"b"}])", "message 0 has no role"},
      {R"([{"role":"god","content":"b"}])", "message 0 has the role 'god'"},
      {R"([{"role":"user","content":null}])", "message 0 has no text in content"},
      {R"([{"role":"user","content":{"a":1}}])", "message 0 has no text in content"},
  };
  for (const auto& [text, message] : cases) {
    const auto messages = parse_messages(text);
    ASSERT_FALSE(messages) << text;
    EXPECT_EQ(messages.error().message, message) << text;
  }
}

TEST(Messages, deep_nesting_is_refused_however_deep) {
  for (const size_t depth : {40u, 1000u, 1000000u}) {
    const auto messages = parse_messages(std::string(depth, '['));
    ASSERT_FALSE(messages);
    EXPECT_EQ(messages.error().code, ErrorCode::kLimit) << depth;
  }
}

TEST(Messages, every_prefix_and_every_flipped_byte_is_read_or_refused) {
  const std::string whole =
      R"({"messages":[{"role":"system","content":"\u00e9"},{"role":"user","content":["a",1e5]}]})";
  ASSERT_TRUE(parse_messages(whole));
  for (size_t n = 0; n < whole.size(); ++n) EXPECT_FALSE(parse_messages(whole.substr(0, n))) << n;
  for (size_t i = 0; i < whole.size(); ++i) {
    for (const int bit : {1, 2, 8, 32, 128}) {
      std::string flipped = whole;
      flipped[i] = static_cast<char>(flipped[i] ^ bit);
      const auto messages = parse_messages(flipped);
      EXPECT_TRUE(!messages || messages->is_array()) << flipped;
    }
  }
}

}  // namespace
}  // namespace hearth::cli
