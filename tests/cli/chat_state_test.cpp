// SPDX-License-Identifier: MIT
#include "cli/chat_state.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/json.h"
#include "tests/support/temp_folder.h"

namespace hearth::cli {
namespace {

using json = nlohmann::ordered_json;

ChatState short_talk() {
  ChatState chat;
  chat.set_system("Be brief.");
  chat.add_user("Chào");
  chat.add_assistant("Chào bạn!\n");
  return chat;
}

TEST(ChatState, messages_come_in_the_order_and_form_of_the_template) {
  EXPECT_EQ(short_talk().messages(), parse_ordered_json(R"([
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
  std::ofstream(folder / "bad.json") << R"({"messages":[{"content":"x"}]})";
  ChatState chat = short_talk();
  const auto loaded = chat.load(folder / "bad.json");
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().message.find("bad.json: message 0 has no 'role'"), std::string::npos);
  EXPECT_EQ(chat.load(folder / "none.json").error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(chat.load(folder.path()));
  EXPECT_EQ(chat.messages(), short_talk().messages());
  EXPECT_FALSE(chat.save(folder / "no" / "folder.json"));
}

TEST(ChatState, what_a_chat_does_not_use_of_a_file_is_named_and_messages_are_kept_whole) {
  const test::TempFolder folder;
  const std::string messages = R"([{"role":"system"},{"role":"assistant","content":null,)"
                               R"("tool_calls":[{"name":"f","id":"1"}]}])";
  std::ofstream(folder / "talk.json")
      << R"({"messages":)" << messages
      << R"(,"tools":[{"type":"function"}],"add_generation_prompt":true,"bos_token":"<s>"})";
  ChatState chat;
  const auto unused = chat.load(folder / "talk.json");
  ASSERT_TRUE(unused) << unused.error().message;
  EXPECT_EQ(*unused, (std::vector<std::string>{"tools", "bos_token"}));
  EXPECT_EQ(chat.messages().dump(), messages);
  EXPECT_EQ(chat.system(), "");
  std::ofstream(folder / "bare.json") << messages;
  EXPECT_TRUE(chat.load(folder / "bare.json")->empty());
}

}  // namespace
}  // namespace hearth::cli
