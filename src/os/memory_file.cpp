// SPDX-License-Identifier: MIT
#include "os/memory_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "os/failure.h"

namespace hearth::os {

Result<FileHandle> memory_file(const char* name, std::string_view bytes) {
  FileHandle file(::memfd_create(name, MFD_CLOEXEC));
  if (!file.is_open()) return system_failure("make the file", name, errno);
  while (!bytes.empty()) {
    const ssize_t n = ::write(file.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_failure("write to", name, errno);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return system_failure("rewind", name, errno);
  return file;
}

}  // namespace hearth::os
