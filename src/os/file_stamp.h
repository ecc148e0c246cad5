// SPDX-License-Identifier: MIT
// What tells a file or folder from its later self without opening it.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>

namespace hearth::os {

struct FileStamp {
  uint64_t device = 0, inode = 0, bytes = 0;
  int64_t changed_ns = 0;  // of its content, name or rights, since 1970; a file system's ticks
  bool operator==(const FileStamp&) const = default;
};

// Nothing where there is no such file, or where it may not be looked at. Thread rule: any thread.
std::optional<FileStamp> file_stamp(const std::filesystem::path& path);

// Whether a later change is sure to have another stamp. One within the same tick of the file system
// has not, so what changed just now is not settled.
bool is_settled(const FileStamp& stamp);

}  // namespace hearth::os
