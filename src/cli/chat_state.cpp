// SPDX-License-Identifier: MIT
// See chat_state.h.
#include "cli/chat_state.h"

#include <algorithm>
#include <array>

#include "base/units.h"
#include "cli/output.h"
#include "os/atomic_file.h"
#include "os/file_handle.h"

namespace hearth::cli {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxFileBytes = 64 * kMiB;
constexpr int kMaxDepth = 32;
constexpr std::array<std::string_view, 4> kRoles = {"system", "user", "assistant", "tool"};

json message(std::string_view role, std::string_view text) {
  return {{"role", role}, {"content", text}};
}

std::string_view role_of(const json& m) { return m["role"].get_ref<const std::string&>(); }

Status check_message(const json& m, size_t i) {
  if (!m.is_object()) return invalid("message {} is not an object", i);
  const auto role = m.find("role");
  if (role == m.end() || !role->is_string()) return invalid("message {} has no role", i);
  const std::string& name = role->get_ref<const std::string&>();
  if (std::find(kRoles.begin(), kRoles.end(), name) == kRoles.end())
    return with_hint(invalid("message {} has the role '{}'", i, printable(name)),
                     "roles are system, user, assistant and tool");
  const auto content = m.find("content");
  // Null and absent are how an assistant message with tool calls only is written.
  const bool has_text = content != m.end() && (content->is_string() || content->is_array());
  const bool may_lack = name == "assistant" && (content == m.end() || content->is_null());
  if (!has_text && !may_lack) return invalid("message {} has no text in content", i);
  return {};
}

}  // namespace

Result<json> parse_messages(std::string_view text) {
  bool too_deep = false;
  const auto watch_depth = [&too_deep](int depth, json::parse_event_t, json&) {
    too_deep |= depth > kMaxDepth;
    return !too_deep;
  };
  json parsed = json::parse(text, watch_depth, false);
  if (too_deep) return over_limit("JSON nested deeper than {}", kMaxDepth);
  if (parsed.is_discarded()) return corrupt("not valid JSON");
  if (parsed.is_object() && parsed.contains("messages")) {
    json inner = std::move(parsed["messages"]);
    parsed = std::move(inner);
  }
  if (!parsed.is_array())
    return with_hint(invalid("no list of messages"), "the form is {{\"messages\":[…]}}");
  for (size_t i = 0; i < parsed.size(); ++i) TRY(check_message(parsed[i], i));
  return parsed;
}

bool ChatState::has_system() const {
  return !messages_.empty() && role_of(messages_.front()) == "system";
}

void ChatState::set_system(std::string_view text) {
  if (has_system()) messages_.erase(messages_.begin());
  if (!text.empty()) messages_.insert(messages_.begin(), message("system", text));
}

std::string ChatState::system() const {
  if (!has_system()) return {};
  const json& content = messages_.front()["content"];
  return content.is_string() ? content.get<std::string>() : json_text(content);
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
  const json& content = messages_[first].contains("content") ? messages_[first]["content"] : json();
  std::string text = content.is_string() ? content.get<std::string>() : std::string("(no text)");
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

Status ChatState::load(const std::filesystem::path& file) {
  TRY_LET(const std::string text, os::read_text_file(file, kMaxFileBytes));
  auto loaded = parse_messages(text);
  if (!loaded) return Failure(within(file.string(), std::move(loaded).error()));
  messages_ = std::move(*loaded);
  return {};
}

}  // namespace hearth::cli
