// SPDX-License-Identifier: MIT
// Store::import_file: checks that a file is a model, then copies or links it. The copy is made
// under temporary names; the manifest, written last, makes the model exist.
#include <system_error>
#include <vector>

#include "base/quote.h"
#include "base/units.h"
#include "file/gguf.h"
#include "file/model_facts.h"
#include "file/split.h"
#include "hub/catalogue.h"
#include "hub/model_name.h"
#include "hub/store.h"
#include "os/atomic_file.h"
#include "os/dirs.h"
#include "os/failure.h"
#include "os/file_handle.h"
#include "os/file_lock.h"

namespace hearth::hub {
namespace {

namespace fs = std::filesystem;

// The facts of the model and the files that it consists of.
struct Source {
  Manifest manifest;            // all but the sizes and digests
  std::vector<fs::path> files;  // absolute
  uint64_t total_bytes = 0;
};

Result<Source> inspect(const fs::path& path) {
  std::error_code error;
  const fs::path absolute = fs::absolute(path, error).lexically_normal();
  if (error) return os::system_failure("find", path, error.value());
  TRY_LET(const file::Gguf model, file::Gguf::open(absolute));
  const file::ModelFacts facts = file::facts_of(model);
  if (facts.arch.empty() || model.tensors().empty()) {
    return with_hint(invalid("{} is a GGUF file but no model", path.string()),
                     "a model has tensors and names its architecture");
  }
  Source source;
  source.manifest.format = "gguf";
  source.manifest.arch = facts.arch;
  source.manifest.quant = facts.quant;
  source.manifest.licence = facts.licence;
  source.manifest.source = "import";
  source.total_bytes = model.file_bytes();
  for (const os::MappedFile& part : model.parts()) source.files.push_back(part.path());
  return source;
}

// "model.gguf", or "model-00001-of-00003.gguf".
std::string stored_file_name(size_t i, size_t n_files) {
  if (n_files == 1) return "model.gguf";
  return file::split_file_name("model", static_cast<int>(i) + 1, static_cast<int>(n_files));
}

// Copies one file and tells its size and digest. `done` counts over all files.
Result<ManifestFile> copy_file(const fs::path& from, const fs::path& to, uint64_t& done,
                               uint64_t total, Progress progress) {
  TRY_LET(const os::FileHandle in, os::open_to_read(from));
  TRY_LET(os::AtomicFile out, os::AtomicFile::create(to));
  TRY_LET(const uint64_t size, os::size_of(in, from));
  TRY(out.reserve(size));
  Sha256 digest;
  std::vector<uint8_t> piece(4 * kMiB);
  while (true) {
    TRY_LET(const size_t n, os::read_some(in, piece, from));
    if (n == 0) break;
    const auto bytes = std::span(piece).first(n);
    digest.add(bytes);
    TRY(out.write(bytes));
    done += n;
    if (!progress(done, total)) return interrupted("the import of {} was stopped", from.string());
  }
  if (out.bytes_written() != size) return io_error("{} changed while it was copied", from.string());
  TRY(out.commit());
  return ManifestFile{to.filename().string(), size, digest.hex()};
}

Status link_files(Source& source) {
  source.manifest.folder = source.files.front().parent_path();
  for (const fs::path& path : source.files) {
    std::error_code error;
    const uint64_t bytes = fs::file_size(path, error);
    if (error) return os::system_failure("read", path, error.value());
    source.manifest.files.push_back({path.filename().string(), bytes, ""});
  }
  return {};
}

// A catalogue model that was imported by hand gets the facts that the catalogue knows.
void add_catalogue_facts(Manifest& manifest) {
  const CatalogueModel* const known =
      Catalogue::built_in().find_sha256(manifest.files.front().sha256);
  if (known) manifest.licence = known->licence;
}

// Deletes a model's folder unless the model came to exist.
class FolderCleaner {
 public:
  explicit FolderCleaner(fs::path folder) : folder_(std::move(folder)) {}
  ~FolderCleaner() {
    std::error_code ignored;
    if (!kept_) fs::remove_all(folder_, ignored);
  }
  void keep() { kept_ = true; }

 private:
  fs::path folder_;
  bool kept_ = false;
};

Failure name_taken(const std::string& name) {
  return with_hint(invalid("the store has a model {} already", quote(name)),
                   "give another name with --name, or remove it first: hearth rm {}", name);
}

}  // namespace

Status Store::publish(const Manifest& manifest) const {
  return os::write_file(folder_ / manifest.name / kManifestName, manifest_text(manifest));
}

Result<StoredModel> Store::import_file(const fs::path& path, const ImportOptions& options,
                                       Progress progress) {
  const std::string name =
      options.name.empty() ? model_name_from_file(path.filename().string()) : options.name;
  if (!is_model_name(name)) {
    return with_hint(invalid("{} cannot be the name of a model", quote(name)),
                     "use letters, digits, '.', '_' and '-', up to 128 of them");
  }
  TRY_LET(Source source, inspect(path));
  source.manifest.name = name;
  const fs::path own_folder = folder_ / name;
  TRY(os::make_folders(folder_));
  // Held to the end: two imports into one folder must not clean up after each other.
  TRY_LET(const os::FileLock lock, os::FileLock::acquire(folder_ / kLockName));
  std::error_code error;
  if (fs::exists(own_folder / kManifestName, error)) return name_taken(name);
  // What a killed import or fetch left behind.
  fs::remove_all(own_folder, error);
  if (error) return os::system_failure("clear", own_folder, error.value());
  TRY(os::make_folders(own_folder));
  FolderCleaner cleaner(own_folder);
  if (options.link) {
    TRY(link_files(source));
  } else {
    uint64_t done = 0;
    for (size_t i = 0; i < source.files.size(); ++i) {
      TRY_LET(ManifestFile file,
              copy_file(source.files[i], own_folder / stored_file_name(i, source.files.size()),
                        done, source.total_bytes, progress));
      source.manifest.files.push_back(std::move(file));
    }
  }
  add_catalogue_facts(source.manifest);
  TRY(publish(source.manifest));
  TRY(os::sync_folder(folder_));
  cleaner.keep();
  return read(name);
}

}  // namespace hearth::hub
