// SPDX-License-Identifier: MIT
// The conversation of a terminal chat: messages as the chat template wants them, and their file.
// File: {"messages":[{"role":"system","content":"…"},…]}, which `hearth template --messages` reads
// too (text/messages.h); other members of a message are kept. Written whole or not at all, readable
// by its owner only. One thread.
#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
  const nlohmann::ordered_json& messages() const { return messages_; }
  size_t size() const { return messages_.size(); }

  Status save(const std::filesystem::path& file) const;

  // Replaces the conversation; after a failure it is as it was. Answers the names of what the file
  // holds beside messages, which a chat has no use for. Errors: those of text::parse_conversation.
  Result<std::vector<std::string>> load(const std::filesystem::path& file);

 private:
  bool has_system() const;

  nlohmann::ordered_json messages_ = nlohmann::ordered_json::array();
};

}  // namespace hearth::cli
