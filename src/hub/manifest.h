// SPDX-License-Identifier: MIT
// model.json: what the store knows of one model. It is written last and removed first, so a folder
// without it is no model, whatever lies in it.
//
//   {"version":1, "name":"…", "format":"gguf", "arch":"llama", "quant":"q4_k_m", "licence":"…",
//    "source":"catalogue"|"import", "folder":"/where/linked/files/lie" (absent: beside model.json),
//    "files":[{"name":"model.gguf","bytes":N,"sha256":"…" or ""}, …]}   the first is the one to
//    open
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::hub {

inline constexpr char kManifestName[] = "model.json";
inline constexpr char kLockName[] = ".lock";  // in the folder of all models; flock(2)
inline constexpr uint64_t kMaxManifestBytes = uint64_t{1} << 20;

struct ManifestFile {
  std::string name;
  uint64_t bytes = 0;
  std::string sha256;  // empty: never computed (linked files)
};

struct Manifest {
  std::string name;
  std::string format;
  std::string arch;
  std::string quant;
  std::string licence;
  std::string source;
  std::filesystem::path folder;  // of a linked model, absolute; empty: the model's own folder
  std::vector<ManifestFile> files;
};

Result<Manifest> parse_manifest(std::string_view text);
std::string manifest_text(const Manifest& manifest);

}  // namespace hearth::hub
