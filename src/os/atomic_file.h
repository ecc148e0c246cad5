// SPDX-License-Identifier: MIT
// A file that appears whole or not at all: written under a temporary name in the same folder, then
// flushed to the disk, renamed, and the folder flushed (RELIABILITY F36, F42). Dropped without
// commit(), it leaves nothing. A killed process may leave a file named ".NAME.*.part".
// Thread rule: one thread at a time.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "base/result.h"
#include "os/file_handle.h"

namespace hearth::os {

// Who may read the file (less what the process's umask takes away).
enum class Readers { kEveryone, kOwner };

class AtomicFile {
 public:
  // Nothing is visible under `path` until commit(). The folder must exist.
  static Result<AtomicFile> create(const std::filesystem::path& path,
                                   Readers readers = Readers::kEveryone);

  AtomicFile(AtomicFile&&) noexcept = default;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  // Asks the disk for room before the first byte; a full disk is an error now, not at the end.
  Status reserve(uint64_t n_bytes);
  Status write(std::span<const uint8_t> bytes);
  Status write(std::string_view text);
  uint64_t bytes_written() const { return bytes_written_; }

  // Flushes and publishes. After a failure nothing is published and the object is of no more use.
  Status commit();

 private:
  AtomicFile() = default;

  std::filesystem::path path_;
  std::filesystem::path part_path_;
  FileHandle file_;  // open until commit() or the end
  uint64_t bytes_written_ = 0;
};

// Creates or replaces a small file in one call.
Status write_file(const std::filesystem::path& path, std::string_view text,
                  Readers readers = Readers::kEveryone);

// Flushes a folder's own entries (names that were created, renamed or removed).
Status sync_folder(const std::filesystem::path& folder);

}  // namespace hearth::os
