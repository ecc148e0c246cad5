// SPDX-License-Identifier: MIT
#include "os/file_handle.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "os/failure.h"

namespace hearth::os {

bool FileHandle::close() {
  const int fd = std::exchange(fd_, -1);
  return fd < 0 || ::close(fd) == 0;
}

Result<FileHandle> open_to_read(const std::filesystem::path& path) {
  // O_NONBLOCK: opening a pipe must not wait for a writer; it changes nothing for regular files.
  FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.is_open()) return system_failure("open", path, errno);
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0) return system_failure("read", path, errno);
  if (S_ISDIR(facts.st_mode)) return invalid("{} is a folder, not a file", path.string());
  if (!S_ISREG(facts.st_mode)) return invalid("{} is not a regular file", path.string());
  return file;
}

Result<uint64_t> size_of(const FileHandle& file, const std::filesystem::path& path) {
  struct stat facts {};
  if (::fstat(file.get(), &facts) != 0) return system_failure("read", path, errno);
  return static_cast<uint64_t>(facts.st_size);
}

Result<size_t> read_some(const FileHandle& file, std::span<uint8_t> into,
                         const std::filesystem::path& path) {
  size_t done = 0;
  while (done < into.size()) {
    const ssize_t n = ::read(file.get(), into.data() + done, into.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_failure("read", path, errno);
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  return done;
}

Result<std::string> read_text_file(const std::filesystem::path& path, uint64_t max_bytes) {
  TRY_LET(const FileHandle file, open_to_read(path));
  TRY_LET(const uint64_t size, size_of(file, path));
  if (size > max_bytes) {
    return over_limit("{}: {} bytes, at most {}", path.string(), size, max_bytes);
  }
  // One byte more than its size, so that a file that grows is noticed and not cut.
  std::string text(static_cast<size_t>(size) + 1, '\0');
  TRY_LET(const size_t n,
          read_some(file, {reinterpret_cast<uint8_t*>(text.data()), text.size()}, path));
  if (n > size) return io_error("{} grew while it was read", path.string());
  text.resize(n);
  return text;
}

}  // namespace hearth::os
