// SPDX-License-Identifier: MIT
// See chat_command.h.
#include "cli/chat_command.h"

#include <algorithm>
#include <vector>

#include "base/nearest.h"
#include "cli/output.h"

namespace hearth::cli {
namespace {

constexpr ChatCommandInfo kCommands[] = {
    {ChatCommand::kHelp, "/help", "", "this list"},
    {ChatCommand::kSystem, "/system", "[TEXT|-]", "show, set or remove the system prompt"},
    {ChatCommand::kClear, "/clear", "", "forget the conversation, keep the system prompt"},
    {ChatCommand::kSave, "/save", "FILE", "write the conversation to a JSON file"},
    {ChatCommand::kLoad, "/load", "FILE", "go on with a saved conversation"},
    {ChatCommand::kStats, "/stats", "", "tokens, speed and context used"},
    {ChatCommand::kQuit, "/quit", "", "leave (also Ctrl-D)"},
};

// Words that people know from other programs.
constexpr struct {
  std::string_view alias, name;
} kAliases[] = {{"/?", "/help"}, {"/bye", "/quit"}, {"/exit", "/quit"}};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool looks_like_command(std::string_view word) {
  if (word == "/?") return true;
  return word.size() > 1 && word[0] == '/' && std::all_of(word.begin() + 1, word.end(), is_letter);
}

Failure unknown(std::string_view word) {
  std::vector<std::string> names;
  for (const ChatCommandInfo& info : kCommands) names.emplace_back(info.name);
  const auto guess = nearest(word, names);
  return with_hint(invalid("unknown command '{}'", printable(word)),
                   "{}; /help lists all, // sends a text that begins with /",
                   guess ? fmt::format("did you mean {}?", *guess) : "no such command");
}

const ChatCommandInfo* find(std::string_view word) {
  for (const auto& [alias, name] : kAliases) {
    if (word == alias) word = name;
  }
  for (const ChatCommandInfo& info : kCommands) {
    if (word == info.name) return &info;
  }
  return nullptr;
}

}  // namespace

std::span<const ChatCommandInfo> chat_commands() { return kCommands; }

Result<ParsedLine> parse_command(std::string_view line) {
  if (line.starts_with("//")) return ParsedLine{ChatCommand::kMessage, std::string(line.substr(1))};
  const auto end =
      static_cast<size_t>(std::find_if(line.begin(), line.end(), is_space) - line.begin());
  const std::string_view word = line.substr(0, end);
  if (!looks_like_command(word)) return ParsedLine{ChatCommand::kMessage, std::string(line)};
  const ChatCommandInfo* info = find(word);
  if (info == nullptr) return unknown(word);
  const std::string_view argument = trimmed(line.substr(end));
  if (info->argument.empty() && !argument.empty())
    return with_hint(invalid("{} takes no argument", info->name), "write only {}", info->name);
  const bool is_optional = info->argument.starts_with('[');
  if (!info->argument.empty() && !is_optional && argument.empty())
    return with_hint(invalid("{} needs a file name", info->name), "write {} {}", info->name,
                     info->argument);
  return ParsedLine{info->command, std::string(argument)};
}

std::string chat_help() {
  std::string text;
  for (const ChatCommandInfo& info : kCommands)
    text += fmt::format("  {:<18} {}\n", fmt::format("{} {}", info.name, info.argument), info.help);
  text +=
      "Several lines: end a line with \\, or begin and end the text with \"\"\"; Alt-Enter breaks "
      "the\n"
      "line, pasted text stays together. Ctrl-C stops an answer.\n";
  return text;
}

}  // namespace hearth::cli
