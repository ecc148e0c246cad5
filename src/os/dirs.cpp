// SPDX-License-Identifier: MIT
#include "os/dirs.h"

#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "base/env.h"
#include "os/failure.h"

namespace hearth::os {
namespace {

namespace fs = std::filesystem;

// The home of the account, for a process that was started without HOME (a service).
Result<fs::path> home_of_account() {
  std::vector<char> text(16'384);  // room for the strings of one account, as getpwuid_r wants it
  passwd entry{};
  passwd* found = nullptr;
  const int error = ::getpwuid_r(::getuid(), &entry, text.data(), text.size(), &found);
  if (error != 0 || !found || !found->pw_dir || found->pw_dir[0] != '/') {
    return with_hint(not_found("this account has no home folder"),
                     "set HEARTH_HOME to a folder for models");
  }
  return fs::path(found->pw_dir);
}

}  // namespace

Result<fs::path> hearth_home() {
  if (const auto own = env("HEARTH_HOME")) {
    std::error_code error;
    fs::path path = fs::absolute(*own, error);
    if (error) return system_failure("find", *own, error.value());
    return path.lexically_normal();
  }
  // The specification says that a relative XDG_DATA_HOME is to be ignored.
  const auto data = env("XDG_DATA_HOME");
  if (data && fs::path(*data).is_absolute()) return fs::path(*data) / "hearth";
  const auto home = env("HOME");
  if (home && fs::path(*home).is_absolute()) return fs::path(*home) / ".local/share/hearth";
  TRY_LET(const fs::path account, home_of_account());
  return account / ".local/share/hearth";
}

Result<fs::path> models_folder() {
  TRY_LET(const fs::path home, hearth_home());
  return home / "models";
}

Status make_folders(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return system_failure("create", folder, error.value());
  if (!fs::is_directory(folder, error)) return invalid("{} is not a folder", folder.string());
  return {};
}

}  // namespace hearth::os
