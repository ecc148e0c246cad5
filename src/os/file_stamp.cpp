// SPDX-License-Identifier: MIT
#include "os/file_stamp.h"

#include <sys/stat.h>

#include <ctime>

namespace hearth::os {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;

int64_t nanoseconds(const timespec& time) { return time.tv_sec * kSecondNs + time.tv_nsec; }

}  // namespace

std::optional<FileStamp> file_stamp(const std::filesystem::path& path) {
  struct stat facts = {};
  if (::stat(path.c_str(), &facts) != 0) return std::nullopt;
  return FileStamp{.device = facts.st_dev,
                   .inode = facts.st_ino,
                   .bytes = static_cast<uint64_t>(facts.st_size),
                   .changed_ns = nanoseconds(facts.st_ctim)};
}

bool is_settled(const FileStamp& stamp) {
  constexpr int64_t kLongestTick = 2 * kSecondNs;  // FAT's
  timespec now = {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return nanoseconds(now) - stamp.changed_ns > kLongestTick;
}

}  // namespace hearth::os
