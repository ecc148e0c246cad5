// SPDX-License-Identifier: MIT
#include "hub/catalogue.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/ascii.h"
#include "base/check.h"
#include "base/json.h"
#include "base/quote.h"
#include "hub/catalogue_json.h"
#include "hub/json_field.h"
#include "hub/model_name.h"

namespace hearth::hub {
namespace {

constexpr uint64_t kCatalogueVersion = 1;

bool is_sha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Result<CatalogueFile> parse_file(const nlohmann::json& entry) {
  CatalogueFile file;
  file.name = text_field(entry, "name").value_or("");
  file.bytes = count_field(entry, "bytes").value_or(0);
  file.sha256 = text_field(entry, "sha256").value_or("");
  if (!is_file_name(file.name)) return corrupt("file name {}", quote(file.name));
  if (file.bytes == 0 || !is_sha256(file.sha256)) {
    return corrupt("file {}: size or sha256", quote(file.name));
  }
  return file;
}

Result<CatalogueModel> parse_model(const nlohmann::json& entry) {
  CatalogueModel model;
  model.name = text_field(entry, "name").value_or("");
  if (!is_model_name(model.name)) return corrupt("model name {}", quote(model.name));
  model.title = text_field(entry, "title").value_or("");
  model.kind = text_field(entry, "kind").value_or("");
  model.format = text_field(entry, "format").value_or("");
  model.arch = text_field(entry, "arch").value_or("");
  model.quant = text_field(entry, "quant").value_or("");
  model.licence = text_field(entry, "licence").value_or("");
  model.download_bytes = count_field(entry, "download_bytes").value_or(0);
  const auto words = entry.find("words");
  if (words != entry.end()) {
    model.words_en = text_field(*words, "en").value_or("");
    model.words_vi = text_field(*words, "vi").value_or("");
  }
  const auto mark = entry.find("default");
  model.is_default = mark != entry.end() && mark->is_boolean() && mark->get<bool>();
  for (const nlohmann::json& file_entry : list_field(entry, "files")) {
    auto file = parse_file(file_entry);
    if (!file) return Failure(within(fmt::format("model {}", quote(model.name)), file.error()));
    model.files.push_back(*std::move(file));
  }
  if (model.title.empty() || model.licence.empty() || model.files.empty()) {
    return corrupt("model {}: title, licence or files are missing", quote(model.name));
  }
  return model;
}

}  // namespace

Result<Catalogue> Catalogue::parse(std::string_view text) {
  const auto json = parse_json(text);
  if (json.is_discarded()) return corrupt("the catalogue is not JSON");
  if (count_field(json, "version") != kCatalogueVersion)
    return unsupported("the catalogue's version");
  Catalogue catalogue;
  catalogue.text_ = text;
  for (const nlohmann::json& entry : list_field(json, "models")) {
    TRY_LET(CatalogueModel model, within("catalogue", parse_model(entry)));
    if (catalogue.find(model.name)) return corrupt("catalogue: {} twice", quote(model.name));
    if (model.is_default) catalogue.i_default_ = catalogue.models_.size();
    catalogue.models_.push_back(std::move(model));
  }
  if (catalogue.models_.empty()) return corrupt("the catalogue has no models");
  return catalogue;
}

const Catalogue& Catalogue::built_in() {
  static const Catalogue catalogue = [] {
    auto parsed = parse(kCatalogueJson);
    CHECK(parsed.has_value());  // a test parses the same text
    return *std::move(parsed);
  }();
  return catalogue;
}

const CatalogueModel* Catalogue::find(std::string_view name) const {
  const auto it = std::find_if(models_.begin(), models_.end(),
                               [&](const CatalogueModel& model) { return model.name == name; });
  return it == models_.end() ? nullptr : &*it;
}

Result<const CatalogueModel*> Catalogue::resolve(std::string_view text) const {
  std::string name = lowered(text.substr(0, text.size() - (text.ends_with(":latest") ? 7 : 0)));
  std::replace(name.begin(), name.end(), ':', '-');
  if (const CatalogueModel* const model = find(name)) return model;
  std::string names;
  for (const CatalogueModel& model : models_) names += (names.empty() ? "" : ", ") + model.name;
  return with_hint(not_found("the catalogue has no model {}; it has {}", quote(text), names),
                   "import a file with: hearth import FILE --name NAME");
}

const CatalogueModel* Catalogue::find_sha256(std::string_view sha256) const {
  const auto it = std::find_if(models_.begin(), models_.end(), [&](const CatalogueModel& model) {
    return model.files.front().sha256 == sha256;
  });
  return it == models_.end() ? nullptr : &*it;
}

}  // namespace hearth::hub
