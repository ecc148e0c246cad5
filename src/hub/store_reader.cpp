// SPDX-License-Identifier: MIT
#include "hub/store_reader.h"

#include <optional>
#include <system_error>

#include "hub/model_name.h"
#include "os/failure.h"
#include "os/file_handle.h"

namespace hearth::hub {
namespace {

namespace fs = std::filesystem;

Result<std::vector<std::string>> read_names(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  fs::directory_iterator it(folder, error);
  if (error == std::errc::no_such_file_or_directory) return names;
  if (error) return os::system_failure("list", folder, error.value());
  for (; it != fs::directory_iterator(); it.increment(error)) {
    std::string name = it->path().filename().string();
    if (is_model_name(name)) names.push_back(std::move(name));
  }
  if (error) return os::system_failure("list", folder, error.value());
  return names;
}

Result<Manifest> read_manifest(const fs::path& path) {
  TRY_LET(const std::string text, os::read_text_file(path, kMaxManifestBytes));
  auto manifest = parse_manifest(text);
  if (!manifest) return Failure(within(path.string(), manifest.error()));
  return manifest;
}

}  // namespace

template <class T, class Read>
Result<T> StoreReader::remember(std::map<fs::path, Remembered<T>>& known, const fs::path& path,
                                const Read& read) {
  const std::lock_guard lock(mutex_);
  // Both before it is read: what changes meanwhile has another stamp the next time.
  const std::optional<os::FileStamp> stamp = os::file_stamp(path);
  if (const auto it = known.find(path); it != known.end()) {
    if (stamp && it->second.stamp == *stamp) return it->second.value;
    known.erase(it);
  }
  const bool is_settled = stamp && os::is_settled(*stamp);
  Result<T> value = read(path);
  if (value && is_settled) known.insert({path, {*stamp, *value}});
  return value;
}

Result<std::vector<std::string>> StoreReader::names(const fs::path& folder) {
  return remember(names_, folder, read_names);
}

Result<Manifest> StoreReader::manifest(const fs::path& path) {
  return remember(manifests_, path, read_manifest);
}

}  // namespace hearth::hub
