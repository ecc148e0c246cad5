// SPDX-License-Identifier: MIT
#include "cli/chat_command.h"

#include <gtest/gtest.h>

namespace hearth::cli {
namespace {

void expect(std::string_view line, ChatCommand command, std::string_view argument) {
  const auto parsed = parse_command(line);
  ASSERT_TRUE(parsed) << line << ": " << parsed.error().message;
  EXPECT_EQ(*parsed, (ParsedLine{command, std::string(argument)})) << line;
}

TEST(ChatCommand, every_command_is_known_by_its_name_and_listed) {
  for (const ChatCommandInfo& info : chat_commands()) {
    const bool has_argument = !info.argument.empty();
    expect(std::string(info.name) + (has_argument ? " a b " : "  "), info.command,
           has_argument ? "a b" : "");
    EXPECT_NE(chat_help().find(std::string(info.name)), std::string::npos);
  }
}

TEST(ChatCommand, text_is_passed_on_as_it_is) {
  for (const char* line : {"", "hello", " /help", "what does /help do?", "/etc/hosts is a file",
                           "/", "/ help", "/1", "-/quit", "/quít"})
    expect(line, ChatCommand::kMessage, line);
  expect("//quit", ChatCommand::kMessage, "/quit");
  expect("//", ChatCommand::kMessage, "/");
}

TEST(ChatCommand, an_unknown_command_is_an_error_with_the_nearest_one) {
  for (const char* line : {"/sav x", "/Help", "/usr", "/quitt"}) {
    const auto parsed = parse_command(line);
    ASSERT_FALSE(parsed) << line;
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalid);
  }
  EXPECT_NE(parse_command("/sav x").error().hint.find("/save"), std::string::npos);
}

TEST(ChatCommand, arguments_that_are_missing_or_too_many_are_errors) {
  EXPECT_EQ(parse_command("/save").error().message, "/save needs a file name");
  EXPECT_EQ(parse_command("/load  ").error().hint, "write /load FILE");
  EXPECT_EQ(parse_command("/quit now").error().message, "/quit takes no argument");
  expect("/system", ChatCommand::kSystem, "");
  expect("/system You are\nbrief. ", ChatCommand::kSystem, "You are\nbrief.");
  expect("/system -", ChatCommand::kSystem, "-");
}

TEST(ChatCommand, words_known_from_other_programs_work) {
  expect("/bye", ChatCommand::kQuit, "");
  expect("/exit", ChatCommand::kQuit, "");
  expect("/?", ChatCommand::kHelp, "");
}

}  // namespace
}  // namespace hearth::cli
