// SPDX-License-Identifier: MIT
// What the user typed into chats, kept for the arrow keys: a text file that only its owner can
// read, one entry to a line, oldest first; "\n" and "\\" stand for a line break and a backslash.
// Several chats may share the file: each addition reads, appends and replaces it under a lock.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::cli {

class PromptHistory {
 public:
  static constexpr size_t kMaxEntries = 1000;

  explicit PromptHistory(std::filesystem::path file) : file_(std::move(file)) {}

  // A missing file is an empty history.
  Result<std::vector<std::string>> load() const;

  // The newest entry from now on; an equal one that is older goes. An empty text and one that
  // begins with a space (for what should not be kept) are left out.
  Status add(std::string_view text) const;

 private:
  std::filesystem::path file_;
};

}  // namespace hearth::cli
