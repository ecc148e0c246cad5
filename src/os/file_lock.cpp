// SPDX-License-Identifier: MIT
#include "os/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

#include "os/failure.h"

namespace hearth::os {

Result<FileLock> FileLock::acquire(const std::filesystem::path& path) {
  FileHandle file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!file.is_open()) return system_failure("open", path, errno);
  while (::flock(file.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return system_failure("lock", path, errno);
  }
  return FileLock(std::move(file));
}

}  // namespace hearth::os
