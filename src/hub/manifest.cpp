// SPDX-License-Identifier: MIT
#include "hub/manifest.h"

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/quote.h"
#include "hub/json_field.h"
#include "hub/model_name.h"

namespace hearth::hub {
namespace {

constexpr uint64_t kManifestVersion = 1;

// A linked file keeps the name that its owner gave it: anything but a path.
bool is_plain_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos;
}

Result<ManifestFile> parse_file(const nlohmann::json& entry, bool linked) {
  const auto name = text_field(entry, "name");
  const auto bytes = count_field(entry, "bytes");
  if (!name || !(linked ? is_plain_name(*name) : is_file_name(*name))) {
    return corrupt("file name {}", quote(name.value_or("")));
  }
  if (!bytes) return corrupt("file {}: no size", quote(*name));
  return ManifestFile{*name, *bytes, text_field(entry, "sha256").value_or("")};
}

}  // namespace

Result<Manifest> parse_manifest(std::string_view text) {
  const auto json = parse_json(text);
  if (json.is_discarded() || !json.is_object()) return corrupt("not a JSON object");
  const auto version = count_field(json, "version");
  if (!version) return corrupt("no version");
  if (*version != kManifestVersion)
    return unsupported("version {}, made by a newer hearth", *version);
  Manifest manifest;
  manifest.name = text_field(json, "name").value_or("");
  if (!is_model_name(manifest.name)) return corrupt("model name {}", quote(manifest.name));
  manifest.format = text_field(json, "format").value_or("");
  manifest.arch = text_field(json, "arch").value_or("");
  manifest.quant = text_field(json, "quant").value_or("");
  manifest.licence = text_field(json, "licence").value_or("");
  manifest.source = text_field(json, "source").value_or("");
  manifest.folder = text_field(json, "folder").value_or("");
  if (!manifest.folder.empty() && !manifest.folder.is_absolute()) {
    return corrupt("the folder is not an absolute path");
  }
  for (const nlohmann::json& entry : list_field(json, "files")) {
    TRY_LET(ManifestFile file, parse_file(entry, !manifest.folder.empty()));
    manifest.files.push_back(std::move(file));
  }
  if (manifest.files.empty()) return corrupt("no files");
  return manifest;
}

std::string manifest_text(const Manifest& manifest) {
  nlohmann::json json = {{"version", kManifestVersion}, {"name", manifest.name},
                         {"format", manifest.format},   {"arch", manifest.arch},
                         {"quant", manifest.quant},     {"licence", manifest.licence},
                         {"source", manifest.source},   {"files", nlohmann::json::array()}};
  if (!manifest.folder.empty()) json["folder"] = manifest.folder.string();
  for (const ManifestFile& file : manifest.files) {
    json["files"].push_back({{"name", file.name}, {"bytes", file.bytes}, {"sha256", file.sha256}});
  }
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace hearth::hub
