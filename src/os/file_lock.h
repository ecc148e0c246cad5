// SPDX-License-Identifier: MIT
// A lock between processes: held while the object lives, freed by the system when the process dies.
#pragma once
#include <filesystem>

#include "base/result.h"
#include "os/file_handle.h"

namespace hearth::os {

class FileLock {
 public:
  // Waits until nobody else holds the lock. Creates the (empty) lock file where it is missing.
  static Result<FileLock> acquire(const std::filesystem::path& path);

 private:
  explicit FileLock(FileHandle file) : file_(std::move(file)) {}
  FileHandle file_;
};

}  // namespace hearth::os
