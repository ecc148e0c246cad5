// SPDX-License-Identifier: MIT
// The conversation of a terminal chat: messages as the chat template wants them, and their file.
// File: {"messages":[{"role":"system"|"user"|"assistant"|"tool","content":"…"},…]}, which
// `hearth template --messages` reads too; other members of a message are kept, a bare array of
// messages is read as well. Written whole or not at all, readable by its owner only.
// One thread.
#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hearth::cli {

class ChatState {
 public:
  // An empty text is no system prompt.
  void set_system(std::string_view text);
  // Empty where there is none.
  std::string system() const;

  void add_user(std::string_view text);
  void add_assistant(std::string_view text);

  // Takes back the newest message if the user wrote it (its answer failed or was not wanted).
  void drop_unanswered();

  // Forgets the oldest message of the user and what answered it, but never the newest message.
  // Answers the forgotten message's text; nothing where there is no such turn.
  std::optional<std::string> drop_oldest_turn();

  // Forgets everything but the system prompt.
  void clear();

  // An array for the chat template.
  const nlohmann::json& messages() const { return messages_; }
  size_t size() const { return messages_.size(); }

  Status save(const std::filesystem::path& file) const;

  // Replaces the conversation; after a failure it is as it was. Refuses files over 64 MiB, JSON
  // nested deeper than 32, and anything that is not a list of messages, naming the message.
  Status load(const std::filesystem::path& file);

 private:
  bool has_system() const;

  nlohmann::json messages_ = nlohmann::json::array();
};

// The messages in JSON text from outside: the checks of ChatState::load without the file.
Result<nlohmann::json> parse_messages(std::string_view text);

}  // namespace hearth::cli
