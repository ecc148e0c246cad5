// SPDX-License-Identifier: MIT
#include "hub/store.h"

#include <algorithm>
#include <system_error>

#include "base/ascii.h"
#include "base/nearest.h"
#include "base/quote.h"
#include "file/gguf.h"
#include "hub/catalogue.h"
#include "hub/model_name.h"
#include "os/atomic_file.h"
#include "os/dirs.h"
#include "os/failure.h"
#include "os/file_lock.h"

namespace hearth::hub {
namespace {

namespace fs = std::filesystem;

StoredModel described(const Manifest& manifest, const fs::path& own_folder) {
  StoredModel model;
  model.name = manifest.name;
  model.format = manifest.format;
  model.arch = manifest.arch;
  model.quant = manifest.quant;
  model.licence = manifest.licence;
  model.source = manifest.source;
  model.linked = !manifest.folder.empty();
  model.file = (model.linked ? manifest.folder : own_folder) / manifest.files.front().name;
  model.sha256 = manifest.files.front().sha256;
  for (const ManifestFile& file : manifest.files) model.bytes += file.bytes;
  return model;
}

// Every file must still be there with the size that the manifest remembers.
Status check_files(const Manifest& manifest, const fs::path& own_folder) {
  const bool linked = !manifest.folder.empty();
  for (const ManifestFile& file : manifest.files) {
    const fs::path path = (linked ? manifest.folder : own_folder) / file.name;
    std::error_code error;
    const uint64_t bytes = fs::file_size(path, error);
    if (error) {
      return with_hint(not_found("{} is gone", path.string()),
                       "remove the model with: hearth rm {}", manifest.name);
    }
    if (bytes == file.bytes) continue;
    return with_hint(
        corrupt("{} has changed: expected {} bytes, have {}", path.string(), file.bytes, bytes),
        "{} it again after: hearth rm {}", linked ? "import" : "fetch or import", manifest.name);
  }
  return {};
}

// The model whose name is the wanted one but for upper and lower case.
const StoredModel* match(const std::vector<StoredModel>& models, std::string_view name) {
  const std::string wanted = lowered(name);
  const auto it = std::find_if(models.begin(), models.end(), [&](const StoredModel& model) {
    return lowered(model.name) == wanted;
  });
  return it == models.end() ? nullptr : &*it;
}

const StoredModel* match_forms(const std::vector<StoredModel>& models, std::string_view text) {
  if (const StoredModel* const model = match(models, text)) return model;
  if (const size_t colon = text.find(':'); colon != std::string_view::npos) {
    const std::string name(text.substr(0, colon));
    const std::string tag(text.substr(colon + 1));
    return match(models, tag == "latest" ? name : name + "-" + tag);
  }
  if (const size_t at = text.find('@'); at != std::string_view::npos) {
    const std::string name(text.substr(0, at));
    const std::string quant(text.substr(at + 1));
    const StoredModel* const model = match(models, name);
    if (model && lowered(model->quant) == lowered(quant)) return model;
    return match(models, name + "-" + quant);
  }
  return nullptr;
}

bool looks_like_path(std::string_view text) {
  return text.find('/') != std::string_view::npos || text.ends_with(".gguf");
}

}  // namespace

Result<Store> Store::of_user() {
  TRY_LET(fs::path folder, os::models_folder());
  return Store(std::move(folder));
}

Result<StoredModel> Store::read(std::string_view name) const {
  const fs::path own_folder = folder_ / name;
  TRY_LET(const Manifest manifest, reader_->manifest(own_folder / kManifestName));
  if (manifest.name != name) {
    return corrupt("{} is of the model {}", (own_folder / kManifestName).string(),
                   quote(manifest.name));
  }
  TRY(check_files(manifest, own_folder));
  return described(manifest, own_folder);
}

Result<Listing> Store::list() const {
  Listing listing;
  TRY_LET(const std::vector<std::string> names, reader_->names(folder_));
  for (const std::string& name : names) {
    std::error_code error;
    if (!fs::exists(folder_ / name / kManifestName, error)) continue;
    auto model = read(name);
    if (model) {
      listing.models.push_back(*std::move(model));
    } else {
      listing.warnings.push_back(fmt::format("{}: {}", name, model.error().message));
    }
  }
  std::sort(listing.models.begin(), listing.models.end(),
            [](const StoredModel& a, const StoredModel& b) { return a.name < b.name; });
  std::sort(listing.warnings.begin(), listing.warnings.end());
  return listing;
}

Result<StoredModel> Store::find(std::string_view name) const {
  std::error_code error;
  if (!is_model_name(name) || !fs::exists(folder_ / name / kManifestName, error)) {
    return unknown(name);
  }
  return read(name);
}

Failure Store::unknown(std::string_view text) const {
  Failure failure = not_found("no model {} in the store", quote(text));
  const std::string_view name = text.substr(0, text.find_first_of("@"));
  if (const auto known = Catalogue::built_in().resolve(name)) {
    return with_hint(std::move(failure), "fetch it with: hearth pull {}", (*known)->name);
  }
  std::string wanted = lowered(name);
  std::replace(wanted.begin(), wanted.end(), ':', '-');
  const auto listing = list();
  std::vector<std::string> names;
  if (listing) {
    for (const StoredModel& model : listing->models) names.push_back(model.name);
  }
  std::vector<std::string> known = names;
  for (const auto& model : Catalogue::built_in().models()) known.push_back(model.name);
  if (const auto guess = nearest(wanted, known)) {
    const bool here = std::find(names.begin(), names.end(), *guess) != names.end();
    return with_hint(
        std::move(failure), "{}",
        here ? fmt::format("did you mean {}?", *guess)
             : fmt::format("did you mean {}? fetch it with: hearth pull {}", *guess, *guess));
  }
  // A beginning or a piece of a name, as people remember it.
  std::string near;
  for (const std::string& candidate : known) {
    if (wanted.empty() || lowered(candidate).find(wanted) == std::string::npos) continue;
    if (near.find(candidate) == std::string::npos)
      near += near.empty() ? candidate : ", " + candidate;
  }
  if (!near.empty()) return with_hint(std::move(failure), "did you mean {}?", near);
  if (names.empty()) {
    return with_hint(std::move(failure), "the store is empty; fetch a model with: hearth pull {}",
                     Catalogue::built_in().default_model().name);
  }
  return with_hint(std::move(failure), "hearth list shows what is there");
}

Result<ResolvedModel> Store::resolve(std::string_view text) const {
  if (text.empty()) return with_hint(invalid("no model given"), "hearth list shows what is there");
  const fs::path path{std::string(text)};
  const std::string file_name = path.filename().string();
  if (looks_like_path(text)) {
    std::error_code error;
    if (!fs::exists(path, error)) {
      return with_hint(not_found("no file {}", path.string()),
                       "hearth list shows the models by name");
    }
    return ResolvedModel{.name = model_name_from_file(file_name), .file = path};
  }
  TRY_LET(const Listing listing, list());
  if (const StoredModel* const model = match_forms(listing.models, text)) {
    if (model->format != "gguf") {
      return unsupported("{} is a {} model: hearth reads GGUF", model->name, model->format);
    }
    return ResolvedModel{model->name, model->file, model->licence, true};
  }
  // A model that is there but damaged says why instead of "no such model".
  if (is_model_name(text) && fs::exists(folder_ / text / kManifestName)) {
    const auto damaged = read(text);
    if (!damaged) return Failure(damaged.error());
  }
  std::error_code error;
  if (fs::is_regular_file(path, error)) {
    return ResolvedModel{.name = model_name_from_file(file_name), .file = path};
  }
  return unknown(text);
}

Status Store::remove(std::string_view name) {
  std::error_code error;
  if (!is_model_name(name) || !fs::exists(folder_ / name / kManifestName, error)) {
    return unknown(name);
  }
  TRY_LET(const os::FileLock lock, os::FileLock::acquire(folder_ / kLockName));
  const fs::path own_folder = folder_ / name;
  // First the manifest: from here on there is no such model, whatever happens to its files.
  if (!fs::remove(own_folder / kManifestName, error) && error) {
    return os::system_failure("remove", own_folder / kManifestName, error.value());
  }
  TRY(os::sync_folder(own_folder));
  fs::remove_all(own_folder, error);
  if (error) return os::system_failure("remove", own_folder, error.value());
  return os::sync_folder(folder_);
}

}  // namespace hearth::hub
