// SPDX-License-Identifier: MIT
#include "os/mapped_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/checked.h"
#include "os/failure.h"
#include "os/fault_exit.h"

namespace hearth::os {
namespace {

void unmap(std::span<const uint8_t> bytes) {
  if (!bytes.empty()) ::munmap(const_cast<uint8_t*>(bytes.data()), bytes.size());
}

}  // namespace

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  TRY_LET(FileHandle file, open_to_read(path));
  TRY_LET(const uint64_t file_size, size_of(file, path));
  MappedFile mapped;
  mapped.path_ = path;
  if (file_size == 0) return mapped;
  if (!fits<size_t>(file_size)) return no_memory("{} is too large to map", path.string());
  const auto size = static_cast<size_t>(file_size);
  void* const address = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  if (address == MAP_FAILED) return system_failure("map", path, errno);
  mapped.bytes_ = {static_cast<const uint8_t*>(address), size};
  if (hold_mapped_file(file)) mapped.held_ = std::move(file);
  return mapped;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      bytes_(std::exchange(other.bytes_, {})),
      held_(std::move(other.held_)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  if (this != &other) {
    unmap(bytes_);
    path_ = std::move(other.path_);
    bytes_ = std::exchange(other.bytes_, {});
    held_ = std::move(other.held_);
  }
  return *this;
}

MappedFile::~MappedFile() { unmap(bytes_); }

void MappedFile::will_need(uint64_t offset, uint64_t n) const {
  if (offset >= bytes_.size() || n == 0) return;
  const uint64_t end = offset + std::min<uint64_t>(n, bytes_.size() - offset);
  // madvise wants the start of a page.
  const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  const uint64_t start = offset / page * page;
  ::madvise(const_cast<uint8_t*>(bytes_.data()) + start, static_cast<size_t>(end - start),
            MADV_WILLNEED);
}

}  // namespace hearth::os
