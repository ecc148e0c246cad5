// SPDX-License-Identifier: MIT
// Reads the store's folders and manifests, and remembers what it read until their stamps change: a
// server asks for a model with each request, and neither opens nor parses anything again.
// Thread rule: any thread.
#pragma once
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "hub/manifest.h"
#include "os/file_stamp.h"

namespace hearth::hub {

class StoreReader {
 public:
  // Folders in `folder` that could be models by their names; none where there is no such folder.
  Result<std::vector<std::string>> names(const std::filesystem::path& folder);

  // The manifest at `path`. Errors: it is gone or damaged.
  Result<Manifest> manifest(const std::filesystem::path& path);

 private:
  template <class T>
  struct Remembered {
    os::FileStamp stamp;
    T value;
  };
  // What `known` remembers of `path` if that is still true, else what read() gives, which is
  // remembered where a later change would be seen.
  template <class T, class Read>
  Result<T> remember(std::map<std::filesystem::path, Remembered<T>>& known,
                     const std::filesystem::path& path, const Read& read);

  std::mutex mutex_;
  std::map<std::filesystem::path, Remembered<std::vector<std::string>>> names_;
  std::map<std::filesystem::path, Remembered<Manifest>> manifests_;
};

}  // namespace hearth::hub
