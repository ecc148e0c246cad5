// SPDX-License-Identifier: MIT
// See chat_state.h.
#include "cli/chat_state.h"

#include "cli/output.h"
#include "os/atomic_file.h"
#include "os/file_handle.h"
#include "text/messages.h"

namespace hearth::cli {
namespace {

using json = nlohmann::ordered_json;

json message(std::string_view role, std::string_view text) {
  return {{"role", role}, {"content", text}};
}

std::string_view role_of(const json& m) { return m["role"].get_ref<const std::string&>(); }

// Parts (pictures, say) are shown as JSON; empty where there is none, as beside tool calls.
std::string content_of(const json& m) {
  const auto content = m.find("content");
  if (content == m.end() || content->is_null()) return {};
  return content->is_string() ? content->get<std::string>() : json_text(*content);
}

}  // namespace

bool ChatState::has_system() const {
  return !messages_.empty() && role_of(messages_.front()) == "system";
}

void ChatState::set_system(std::string_view text) {
  if (has_system()) messages_.erase(messages_.begin());
  if (!text.empty()) messages_.insert(messages_.begin(), message("system", text));
}

std::string ChatState::system() const {
  return has_system() ? content_of(messages_.front()) : std::string();
}

void ChatState::add_user(std::string_view text) { messages_.push_back(message("user", text)); }

void ChatState::add_assistant(std::string_view text) {
  messages_.push_back(message("assistant", text));
}

void ChatState::drop_unanswered() {
  if (!messages_.empty() && role_of(messages_.back()) == "user")
    messages_.erase(messages_.size() - 1);
}

std::optional<std::string> ChatState::drop_oldest_turn() {
  const size_t first = has_system() ? 1 : 0;
  size_t end = first + 1;
  while (end < messages_.size() && role_of(messages_[end]) != "user") ++end;
  if (end >= messages_.size()) return std::nullopt;
  std::string text = content_of(messages_[first]);
  const auto begin = messages_.begin();
  messages_.erase(begin + static_cast<std::ptrdiff_t>(first),
                  begin + static_cast<std::ptrdiff_t>(end));
  return text;
}

void ChatState::clear() {
  json kept = json::array();
  if (has_system()) kept.push_back(messages_.front());
  messages_ = std::move(kept);
}

Status ChatState::save(const std::filesystem::path& file) const {
  const json whole = {{"messages", messages_}};
  const std::string text = whole.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
  return os::write_file(file, text, os::Readers::kOwner);
}

Result<std::vector<std::string>> ChatState::load(const std::filesystem::path& file) {
  TRY_LET(const std::string text, os::read_text_file(file, text::kMaxConversationBytes));
  TRY_LET(text::ChatInput loaded, within(file.string(), text::parse_conversation(text)));
  messages_ = std::move(loaded.messages);
  std::vector<std::string> unused;
  if (!loaded.tools.empty()) unused.push_back("tools");
  for (const auto& [name, value] : loaded.variables.items()) unused.push_back(name);
  return unused;
}

}  // namespace hearth::cli
