// SPDX-License-Identifier: MIT
// The commands of the terminal chat: lines such as "/save talk.json".
// In: a typed line. Out: what it asks for. A pure function; the chat acts on it.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hearth::cli {

enum class ChatCommand {
  kMessage,  // no command: text for the model
  kHelp,
  kSystem,  // argument: the text, "-" for none, empty to show it
  kClear,
  kSave,  // argument: a file
  kLoad,  // argument: a file
  kStats,
  kQuit,
};

struct ParsedLine {
  ChatCommand command = ChatCommand::kMessage;
  std::string argument;  // the message's text for kMessage

  bool operator==(const ParsedLine&) const = default;
};

// A command is a slash and a word of letters at the start of the line ("/etc/hosts" is text); "//"
// sends a line that begins with a slash. An unknown command, a missing file name and an argument
// too many are kInvalid errors with a hint.
Result<ParsedLine> parse_command(std::string_view line);

// One row of /help.
struct ChatCommandInfo {
  ChatCommand command;
  std::string_view name;      // "/save"
  std::string_view argument;  // "FILE"; empty where there is none
  std::string_view help;
};
std::span<const ChatCommandInfo> chat_commands();

// The text of /help.
std::string chat_help();

}  // namespace hearth::cli
