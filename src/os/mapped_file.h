// SPDX-License-Identifier: MIT
// A file mapped read-only into memory. Owns the mapping; moving keeps the address.
// Thread rule: const after open. A file that shrinks while it is mapped faults on touch
// (RELIABILITY F06, os/fault_exit.h): files in the store are only ever replaced by rename.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>

#include "base/result.h"
#include "os/file_handle.h"

namespace hearth::os {

class MappedFile {
 public:
  static Result<MappedFile> open(const std::filesystem::path& path);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const uint8_t> bytes() const { return bytes_; }
  const std::filesystem::path& path() const { return path_; }

  // Asks the system to read [offset, offset + n) ahead; advice only, never an error.
  void will_need(uint64_t offset, uint64_t n) const;

 private:
  MappedFile() = default;
  std::filesystem::path path_;
  std::span<const uint8_t> bytes_;
  FileHandle held_;  // open only where there is a lease, which ends with it
};

}  // namespace hearth::os
