// SPDX-License-Identifier: MIT
// Owns a file descriptor and closes it; the value -1 owns nothing. With it: plain reading, for
// files that may change under us and so must not be mapped.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>

#include "base/result.h"

namespace hearth::os {

class FileHandle {
 public:
  explicit FileHandle(int fd = -1) : fd_(fd) {}
  FileHandle(FileHandle&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileHandle& operator=(FileHandle&& other) noexcept {
    if (this != &other) {
      close();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  FileHandle(const FileHandle&) = delete;
  FileHandle& operator=(const FileHandle&) = delete;
  ~FileHandle() { close(); }

  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  // Hands the descriptor over to another owner.
  int release() { return std::exchange(fd_, -1); }
  // Closes now; false where the system reports a lost write.
  bool close();

 private:
  int fd_;
};

// Opens a regular file from its start; a folder, pipe or device is refused.
Result<FileHandle> open_to_read(const std::filesystem::path& path);

Result<uint64_t> size_of(const FileHandle& file, const std::filesystem::path& path);

// Fills `into` as far as the file reaches; fewer bytes mean its end. `path` is for the message.
Result<size_t> read_some(const FileHandle& file, std::span<uint8_t> into,
                         const std::filesystem::path& path);

// A whole small file; kLimit where it has more than `max_bytes`.
Result<std::string> read_text_file(const std::filesystem::path& path, uint64_t max_bytes);

}  // namespace hearth::os
