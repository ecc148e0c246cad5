// SPDX-License-Identifier: MIT
#include "os/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "os/file_handle.h"

namespace hearth::os {
namespace {

// The kernel's own structure as of version 6; older headers know less of it. Older kernels take
// its beginning.
struct RulesetAttr {
  uint64_t fs = 0;
  uint64_t net = 0;
  uint64_t scoped = 0;
};
constexpr size_t kFsOnly = 8, kFsAndNet = 16, kAll = 24;

constexpr uint64_t kFsAbi1 = (uint64_t{1} << 13) - 1;  // execute … make symbolic link
constexpr uint64_t kFsRefer = uint64_t{1} << 13;       // version 2
constexpr uint64_t kFsTruncate = uint64_t{1} << 14;    // version 3
constexpr uint64_t kFsIoctlDev = uint64_t{1} << 15;    // version 5
constexpr uint64_t kNetBindConnect = 3;                // version 4: TCP
constexpr uint64_t kScopeUnixAndSignals = 3;           // version 6

uint64_t fs_rights(int abi) {
  uint64_t rights = kFsAbi1;
  if (abi >= 2) rights |= kFsRefer;
  if (abi >= 3) rights |= kFsTruncate;
  if (abi >= 5) rights |= kFsIoctlDev;
  return rights;
}

void allow_reading(const FileHandle& ruleset, const std::filesystem::path& path) {
  const FileHandle place(::open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat facts {};
  if (!place.is_open() || ::fstat(place.get(), &facts) != 0) return;
  landlock_path_beneath_attr rule{};
  rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE;
  if (S_ISDIR(facts.st_mode)) rule.allowed_access |= LANDLOCK_ACCESS_FS_READ_DIR;
  rule.parent_fd = place.get();
  ::syscall(SYS_landlock_add_rule, ruleset.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

}  // namespace

int landlock_abi() {
  const long abi =
      ::syscall(SYS_landlock_create_ruleset, nullptr, size_t{0}, LANDLOCK_CREATE_RULESET_VERSION);
  return abi > 0 ? static_cast<int>(abi) : 0;
}

void enter_landlock(const std::vector<std::filesystem::path>& readable, SandboxFacts& facts) {
  const int abi = landlock_abi();
  facts.landlock_abi = abi;
  const char* const none = "no Landlock: files are guarded by the filter of system calls alone";
  if (abi == 0) {
    facts.missing.emplace_back(none);
    return;
  }
  RulesetAttr attr{.fs = fs_rights(abi)};
  if (abi >= 4) attr.net = kNetBindConnect;
  if (abi >= 6) attr.scoped = kScopeUnixAndSignals;
  const size_t size = abi >= 6 ? kAll : abi >= 4 ? kFsAndNet : kFsOnly;
  const FileHandle ruleset(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attr, size, 0)));
  if (ruleset.is_open()) {
    for (const auto& path : readable) allow_reading(ruleset, path);
  }
  if (!ruleset.is_open() || ::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) {
    facts.missing.emplace_back(none);
    return;
  }
  facts.files = true;
  facts.network = abi >= 4;
  facts.signals = abi >= 6;
  if (abi < 4) facts.missing.emplace_back("Landlock does not guard the network before Linux 6.7");
}

}  // namespace hearth::os
