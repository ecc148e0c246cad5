// SPDX-License-Identifier: MIT
#include "os/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>

#include "base/units.h"
#include "os/failure.h"

namespace hearth::os {
namespace {

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

// A name that no other thread or process uses.
std::filesystem::path part_name(const std::filesystem::path& path) {
  static std::atomic<uint32_t> count{0};
  return folder_of(path) /
         fmt::format(".{}.{}-{}.part", path.filename().string(), ::getpid(), count.fetch_add(1));
}

}  // namespace

Result<AtomicFile> AtomicFile::create(const std::filesystem::path& path, Readers readers) {
  AtomicFile made;
  made.path_ = path;
  made.part_path_ = part_name(path);
  const mode_t mode = readers == Readers::kOwner ? 0600 : 0644;
  made.file_ =
      FileHandle(::open(made.part_path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!made.file_.is_open()) return system_failure("create", path, errno);
  return made;
}

AtomicFile::~AtomicFile() {
  if (file_.is_open()) ::unlink(part_path_.c_str());
}

Status AtomicFile::reserve(uint64_t n_bytes) {
  if (n_bytes == 0) return {};
  if (::fallocate(file_.get(), FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(n_bytes)) == 0) return {};
  if (errno != ENOSPC && errno != EDQUOT) return {};  // not every file system can reserve
  return with_hint(
      io_error("no room on the disk for {} ({} needed)", path_.string(), format_bytes(n_bytes)),
      "free some space, or set HEARTH_HOME to a larger disk");
}

Status AtomicFile::write(std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(file_.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_failure("write", path_, errno);
    bytes = bytes.subspan(static_cast<size_t>(n));
    bytes_written_ += static_cast<uint64_t>(n);
  }
  return {};
}

Status AtomicFile::write(std::string_view text) {
  return write(std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
}

Status AtomicFile::commit() {
  // A failed flush is never tried again: the kernel has dropped the pages (fsyncgate).
  if (::fsync(file_.get()) != 0) return system_failure("flush", path_, errno);
  if (std::rename(part_path_.c_str(), path_.c_str()) != 0) {
    return system_failure("rename to", path_, errno);
  }
  if (!file_.close()) return system_failure("close", path_, errno);
  return sync_folder(folder_of(path_));
}

Status write_file(const std::filesystem::path& path, std::string_view text, Readers readers) {
  TRY_LET(AtomicFile file, AtomicFile::create(path, readers));
  TRY(file.write(text));
  return file.commit();
}

Status sync_folder(const std::filesystem::path& folder) {
  const FileHandle handle(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!handle.is_open()) return system_failure("open", folder, errno);
  // Some file systems (network, FUSE) cannot flush a folder and say EINVAL.
  if (::fsync(handle.get()) != 0 && errno != EINVAL) return system_failure("flush", folder, errno);
  return {};
}

}  // namespace hearth::os
