// SPDX-License-Identifier: MIT
// See prompt_history.h.
#include "cli/prompt_history.h"

#include <algorithm>

#include "base/units.h"
#include "os/atomic_file.h"
#include "os/dirs.h"
#include "os/file_handle.h"
#include "os/file_lock.h"

namespace hearth::cli {
namespace {

constexpr uint64_t kMaxBytes = 16 * kMiB;

std::string escaped(std::string_view text) {
  std::string line;
  for (const char c : text) {
    if (c == '\\') {
      line += "\\\\";
    } else if (c == '\n') {
      line += "\\n";
    } else {
      line += c;
    }
  }
  return line;
}

std::string unescaped(std::string_view line) {
  std::string text;
  for (size_t i = 0; i < line.size(); ++i) {
    const bool escape = line[i] == '\\' && i + 1 < line.size();
    if (!escape) {
      text += line[i];
    } else {
      ++i;
      text += line[i] == 'n' ? '\n' : line[i];
    }
  }
  return text;
}

}  // namespace

Result<std::vector<std::string>> PromptHistory::load() const {
  auto text = os::read_text_file(file_, kMaxBytes);
  if (!text && text.error().code == ErrorCode::kNotFound) return std::vector<std::string>{};
  if (!text) return Failure(std::move(text).error());
  std::vector<std::string> entries;
  for (std::string_view rest = *text; !rest.empty();) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    if (end > 0) entries.push_back(unescaped(rest.substr(0, end)));
    rest.remove_prefix(std::min(rest.size(), end + 1));
  }
  return entries;
}

Status PromptHistory::add(std::string_view text) const {
  if (text.empty() || text.front() == ' ') return {};
  TRY(os::make_folders(file_.parent_path()));
  std::filesystem::path lock_path = file_;
  lock_path += ".lock";
  TRY_LET(const os::FileLock lock, os::FileLock::acquire(lock_path));
  TRY_LET(std::vector<std::string> entries, load());
  entries.erase(std::remove(entries.begin(), entries.end(), text), entries.end());
  entries.emplace_back(text);
  std::string file;
  for (size_t i = entries.size() - std::min(entries.size(), kMaxEntries); i < entries.size(); ++i)
    file += escaped(entries[i]) + "\n";
  return os::write_file(file_, file, os::Readers::kOwner);
}

}  // namespace hearth::cli
