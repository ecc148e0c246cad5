// SPDX-License-Identifier: MIT
// Owns a file descriptor and closes it; the value -1 owns nothing.
#pragma once
#include <utility>

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
  // Closes now; false where the system reports a lost write.
  bool close();

 private:
  int fd_;
};

}  // namespace hearth::os
