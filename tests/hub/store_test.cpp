// SPDX-License-Identifier: MIT
// The store: names, import, links, removal, damage, and being killed at any moment.
#include "hub/store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "file/gguf.h"
#include "file/gguf_write.h"
#include "hub/catalogue.h"
#include "os/atomic_file.h"
#include "os/file_handle.h"
#include "os/file_stamp.h"
#include "tests/support/temp_folder.h"

namespace hearth::hub {
namespace {

namespace fs = std::filesystem;
using test::TempFolder;

constexpr auto kGoOn = [](uint64_t, uint64_t) { return true; };

// A small model file, large enough that a copy has a middle.
std::vector<fs::path> write_model(const fs::path& folder, const std::string& stem,
                                  int n_parts = 1) {
  file::Metadata metadata;
  metadata.set_text("general.architecture", "toy");
  metadata.set_text("general.license", "mit");
  metadata.set_u32("general.file_type", 15);
  const std::vector<uint8_t> data(1 << 20, 7);
  std::vector<file::GgufTensorData> tensors;
  for (int i = 0; i < 6; ++i) {
    tensors.push_back({{"t" + std::to_string(i), DType::kF32, {1 << 18}}, data});
  }
  if (n_parts == 1) {
    EXPECT_TRUE(file::write_gguf(folder / (stem + ".gguf"), metadata, tensors));
    return {folder / (stem + ".gguf")};
  }
  return file::write_gguf_split(folder, stem, metadata, tensors, n_parts)
      .value_or(std::vector<fs::path>{});
}

struct Fixture {
  TempFolder folder;
  Store store{folder / "home/models"};
};

TEST(Store, an_absent_folder_is_an_empty_store) {
  const Fixture f;
  const auto listing = f.store.list();
  ASSERT_TRUE(listing);
  EXPECT_TRUE(listing->models.empty());
  EXPECT_EQ(f.store.find("x").error().code, ErrorCode::kNotFound);
}

TEST(Store, an_imported_file_is_copied_listed_and_found) {
  Fixture f;
  const auto files = write_model(f.folder.path(), "My Toy");
  uint64_t last = 0;
  const auto model = f.store.import_file(files[0], {}, [&](uint64_t done, uint64_t total) {
    EXPECT_GT(done, last);
    EXPECT_LE(done, total);
    last = done;
    return true;
  });
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(last, fs::file_size(files[0]));
  EXPECT_EQ(model->name, "my-toy");
  EXPECT_EQ(model->arch, "toy");
  EXPECT_EQ(model->quant, "q4_k_m");
  EXPECT_EQ(model->licence, "mit");
  EXPECT_FALSE(model->linked);
  EXPECT_EQ(model->bytes, fs::file_size(files[0]));
  EXPECT_EQ(model->sha256, sha256_of_file(files[0], kGoOn).value_or("?"));
  fs::remove(files[0]);
  EXPECT_TRUE(file::Gguf::open(model->file));
  const auto listing = f.store.list();
  ASSERT_TRUE(listing);
  ASSERT_EQ(listing->models.size(), 1u);
  EXPECT_EQ(listing->models[0].name, "my-toy");
  EXPECT_TRUE(listing->warnings.empty());
}

TEST(Store, a_split_model_is_imported_with_all_parts) {
  Fixture f;
  const auto files = write_model(f.folder.path(), "Split", 3);
  ASSERT_EQ(files.size(), 3u);
  const auto model = f.store.import_file(files[0], {}, kGoOn);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->name, "split");
  const auto opened = file::Gguf::open(model->file);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->parts().size(), 3u);
  const auto second = f.store.import_file(files[1], {}, kGoOn);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kInvalid);
}

TEST(Store, a_linked_file_stays_where_it_is_also_when_the_model_is_removed) {
  Fixture f;
  const auto files = write_model(f.folder.path(), "toy");
  const auto model = f.store.import_file(files[0], {.name = "mine", .link = true}, kGoOn);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_TRUE(model->linked);
  EXPECT_EQ(model->file, files[0]);
  EXPECT_EQ(f.store.resolve("mine")->file, files[0]);
  ASSERT_TRUE(f.store.remove("mine"));
  EXPECT_TRUE(fs::exists(files[0]));
  EXPECT_TRUE(f.store.list()->models.empty());
}

TEST(Store, a_linked_file_that_changed_or_went_away_is_said) {
  Fixture f;
  const auto files = write_model(f.folder.path(), "toy");
  ASSERT_TRUE(f.store.import_file(files[0], {.link = true}, kGoOn));
  fs::resize_file(files[0], 1000);
  EXPECT_EQ(f.store.find("toy").error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(f.store.resolve("toy").error().code, ErrorCode::kCorrupt);
  fs::remove(files[0]);
  const auto gone = f.store.resolve("toy");
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, ErrorCode::kNotFound);
  EXPECT_NE(gone.error().hint.find("hearth rm toy"), std::string::npos);
  const auto listing = f.store.list();
  ASSERT_TRUE(listing);
  EXPECT_TRUE(listing->models.empty());
  EXPECT_EQ(listing->warnings.size(), 1u);
  EXPECT_TRUE(f.store.remove("toy"));
}

TEST(Store, what_is_no_model_is_not_imported) {
  Fixture f;
  const auto expect_refused = [&](const fs::path& path, ErrorCode code) {
    const auto model = f.store.import_file(path, {.name = "x"}, kGoOn);
    ASSERT_FALSE(model) << path;
    EXPECT_EQ(model.error().code, code) << model.error().message;
    EXPECT_TRUE(f.store.list()->models.empty());
  };
  expect_refused(f.folder / "none.gguf", ErrorCode::kNotFound);
  ASSERT_TRUE(os::write_file(f.folder / "text.gguf", "not a model at all"));
  expect_refused(f.folder / "text.gguf", ErrorCode::kCorrupt);
  ASSERT_TRUE(file::write_gguf(f.folder / "empty.gguf", {}, {}));
  expect_refused(f.folder / "empty.gguf", ErrorCode::kInvalid);
  const auto files = write_model(f.folder.path(), "cut");
  fs::resize_file(files[0], fs::file_size(files[0]) - 1);
  expect_refused(files[0], ErrorCode::kCorrupt);
}

TEST(Store, a_name_is_taken_once_and_must_be_a_name) {
  Fixture f;
  const auto files = write_model(f.folder.path(), "toy");
  ASSERT_TRUE(f.store.import_file(files[0], {}, kGoOn));
  const auto again = f.store.import_file(files[0], {}, kGoOn);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kInvalid);
  EXPECT_TRUE(f.store.find("toy"));
  for (const char* const name : {"../x", "a/b", ".", "..", "-x", "a b"}) {
    const auto bad = f.store.import_file(files[0], {.name = name}, kGoOn);
    ASSERT_FALSE(bad) << name;
    EXPECT_EQ(bad.error().code, ErrorCode::kInvalid);
    EXPECT_FALSE(f.store.remove(name)) << name;
    EXPECT_FALSE(f.store.find(name)) << name;
  }
  EXPECT_FALSE(fs::exists(f.folder / "home/x"));
}

TEST(Store, names_are_found_in_the_forms_that_people_write) {
  Fixture f;
  const auto files = write_model(f.folder.path(), "toy");
  ASSERT_TRUE(f.store.import_file(files[0], {.name = "qwen2.5-7b", .link = true}, kGoOn));
  ASSERT_TRUE(f.store.import_file(files[0], {.name = "phi-q8_0", .link = true}, kGoOn));
  for (const char* const form : {"qwen2.5-7b", "Qwen2.5-7B", "qwen2.5:7b", "qwen2.5-7b:latest",
                                 "qwen2.5-7b@q4_k_m", "qwen2.5-7b@Q4_K_M"}) {
    const auto found = f.store.resolve(form);
    ASSERT_TRUE(found) << form << ": " << found.error().message;
    EXPECT_EQ(found->name, "qwen2.5-7b");
    EXPECT_TRUE(found->in_store);
  }
  EXPECT_EQ(f.store.resolve("phi@q8_0")->name, "phi-q8_0");
  for (const char* const form : {"qwen2.5-7b@q8_0", "qwen2.5:8b", "phi", "qwen2.5-7b:", "@", ":"}) {
    const auto missing = f.store.resolve(form);
    ASSERT_FALSE(missing) << form;
    EXPECT_EQ(missing.error().code, ErrorCode::kNotFound) << form;
    EXPECT_FALSE(missing.error().hint.empty()) << form;
  }
  EXPECT_EQ(f.store.resolve("").error().code, ErrorCode::kInvalid);
}

TEST(Store, paths_are_taken_as_they_are) {
  Fixture f;
  const auto files = write_model(f.folder.path(), "toy");
  const auto found = f.store.resolve(files[0].string());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->file, files[0]);
  EXPECT_EQ(found->name, "toy");
  EXPECT_FALSE(found->in_store);
  EXPECT_EQ(f.store.resolve("/no/such/file").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(f.store.resolve("missing.gguf").error().code, ErrorCode::kNotFound);
}

TEST(Store, an_unknown_name_gets_a_hint_that_helps) {
  Fixture f;
  const auto hint = [&](const char* name) { return f.store.resolve(name).error().hint; };
  EXPECT_NE(hint("smollm2-135m").find("hearth pull smollm2-135m"), std::string::npos);
  EXPECT_NE(hint("smollm2:135m").find("hearth pull smollm2-135m"), std::string::npos);
  EXPECT_NE(hint("smolm2-135m").find("smollm2-135m"), std::string::npos);
  EXPECT_NE(hint("gemma").find("gemma3-270m"), std::string::npos);
  EXPECT_NE(hint("zzzzzzzzzz").find("store is empty"), std::string::npos);
  const auto files = write_model(f.folder.path(), "my-own-toy");
  ASSERT_TRUE(f.store.import_file(files[0], {.link = true}, kGoOn));
  EXPECT_EQ(hint("my-own-tyo"), "did you mean my-own-toy?");
  EXPECT_NE(hint("zzzzzzzzzz").find("hearth list"), std::string::npos);
}

TEST(Store, folders_without_a_manifest_and_damaged_manifests_are_no_models) {
  Fixture f;
  fs::create_directories(f.folder / "home/models/half");
  ASSERT_TRUE(os::write_file(f.folder / "home/models/half/model.gguf", "x"));
  EXPECT_TRUE(f.store.list()->models.empty());
  EXPECT_TRUE(f.store.list()->warnings.empty());
  const std::string good =
      R"({"version":1,"name":"half","format":"gguf","files":[{"name":"model.gguf","bytes":1}]})";
  const fs::path manifest = f.folder / "home/models/half/model.json";
  ASSERT_TRUE(os::write_file(manifest, good));
  EXPECT_TRUE(f.store.find("half"));
  for (size_t n = 0; n < good.size(); ++n) {
    ASSERT_TRUE(os::write_file(manifest, good.substr(0, n)));
    EXPECT_FALSE(f.store.find("half")) << n;
    EXPECT_EQ(f.store.list()->warnings.size(), 1u) << n;
  }
  for (const char* const bad :
       {R"({"version":2,"name":"half","files":[{"name":"model.gguf","bytes":1}]})",
        R"({"version":1,"name":"other","files":[{"name":"model.gguf","bytes":1}]})",
        R"({"version":1,"name":"half","files":[{"name":"../half/model.gguf","bytes":1}]})",
        R"({"version":1,"name":"half","files":[{"name":"model.gguf","bytes":-1}]})",
        R"({"version":1,"name":"half","folder":"rel","files":[{"name":"model.gguf","bytes":1}]})",
        R"({"version":1,"name":"half","folder":"/","files":[{"name":"a/b","bytes":1}]})",
        R"({"version":1,"name":"half","files":[]})", R"([])", R"({"version":1})"}) {
    ASSERT_TRUE(os::write_file(manifest, bad));
    EXPECT_FALSE(f.store.find("half")) << bad;
  }
}

// Counts what is opened in a store and its model `name`, as the kernel tells it.
class Opened {
 public:
  Opened(const Store& store, const char* name) {
    for (const fs::path& folder : {store.folder(), store.folder() / name}) {
      EXPECT_GE(::inotify_add_watch(events_.get(), folder.c_str(), IN_OPEN), 0);
    }
  }

  // Since it was last asked.
  size_t count() const {
    alignas(inotify_event) char buffer[4096];
    size_t n = 0;
    while (true) {
      const ssize_t bytes = ::read(events_.get(), buffer, sizeof(buffer));
      if (bytes <= 0) return n;
      for (const char* at = buffer; at < buffer + bytes; ++n) {
        at += sizeof(inotify_event) + reinterpret_cast<const inotify_event*>(at)->len;
      }
    }
  }

 private:
  os::FileHandle events_{::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
};

TEST(Store, what_has_not_changed_is_not_opened_again_and_what_has_is_seen) {
  Fixture f;
  const fs::path file = write_model(f.folder.path(), "one")[0];
  ASSERT_TRUE(f.store.import_file(file, {}, kGoOn));
  const Opened opened(f.store, "one");
  ASSERT_TRUE(f.store.list());
  ASSERT_TRUE(f.store.list());
  EXPECT_GT(opened.count(), 2u) << "what changed just now is read again";
  while (!os::is_settled(*os::file_stamp(f.store.folder() / "one" / kManifestName))) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  ASSERT_TRUE(f.store.resolve("one"));
  EXPECT_GT(opened.count(), 0u);
  const Store copy = f.store;
  const auto listing = copy.list();
  ASSERT_TRUE(listing) << listing.error().message;
  ASSERT_EQ(listing->models.size(), 1u);
  EXPECT_EQ(listing->models[0].arch, "toy");
  EXPECT_TRUE(copy.resolve("one"));
  EXPECT_TRUE(copy.find("one"));
  EXPECT_EQ(opened.count(), 0u);
  // By another store, as by another process.
  Store other(f.store.folder());
  ASSERT_TRUE(other.import_file(file, {.name = "two"}, kGoOn));
  EXPECT_EQ(copy.list()->models.size(), 2u);
  const fs::path stored = copy.find("one")->file;
  fs::resize_file(stored, 10);
  EXPECT_EQ(copy.find("one").error().code, ErrorCode::kCorrupt);
  ASSERT_TRUE(other.remove("one"));
  EXPECT_EQ(copy.list()->models.size(), 1u);
  EXPECT_EQ(copy.find("one").error().code, ErrorCode::kNotFound);
  std::ofstream(copy.folder() / "two" / kManifestName) << "{";
  EXPECT_EQ(copy.list()->warnings.size(), 1u);
}

TEST(Store, a_stopped_import_leaves_nothing) {
  Fixture f;
  const auto files = write_model(f.folder.path(), "toy");
  const auto model = f.store.import_file(files[0], {}, [](uint64_t, uint64_t) { return false; });
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, ErrorCode::kInterrupted);
  EXPECT_TRUE(f.store.list()->models.empty());
  EXPECT_FALSE(fs::exists(f.folder / "home/models/toy"));
  EXPECT_TRUE(f.store.import_file(files[0], {}, kGoOn));
}

// A child imports and is killed after a while that grows: the model is then absent or whole, and
// the next import works.
TEST(Store, a_killed_import_leaves_nothing_listed_or_the_whole_model) {
  Fixture f;
  const auto files = write_model(f.folder.path(), "toy");
  int absent = 0;
  for (int round = 0; round < 30; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const auto model = f.store.import_file(files[0], {}, kGoOn);
      ::_exit(model ? 0 : 1);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(300 * round));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    const auto listing = f.store.list();
    ASSERT_TRUE(listing);
    EXPECT_TRUE(listing->warnings.empty());
    if (listing->models.empty()) {
      ++absent;
      EXPECT_FALSE(f.store.resolve("toy"));
      continue;
    }
    EXPECT_EQ(sha256_of_file(listing->models[0].file, kGoOn).value_or("?"),
              listing->models[0].sha256);
    ASSERT_TRUE(f.store.remove("toy"));
  }
  EXPECT_GT(absent, 0) << "no kill came early enough to test anything";
  EXPECT_TRUE(f.store.import_file(files[0], {}, kGoOn));
}

TEST(Store, two_imports_of_one_name_at_once_give_one_model) {
  Fixture f;
  const auto files = write_model(f.folder.path(), "toy");
  std::atomic<int> done{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] { done += f.store.import_file(files[0], {}, kGoOn) ? 1 : 0; });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(done, 1);
  EXPECT_TRUE(f.store.find("toy"));
}

TEST(Store, a_removed_model_stays_readable_for_who_has_it_open) {
  Fixture f;
  const auto files = write_model(f.folder.path(), "toy");
  const auto model = f.store.import_file(files[0], {}, kGoOn);
  ASSERT_TRUE(model);
  const auto opened = file::Gguf::open(model->file);
  ASSERT_TRUE(opened);
  ASSERT_TRUE(f.store.remove("toy"));
  EXPECT_FALSE(fs::exists(model->file));
  EXPECT_EQ(opened->find("t5")->data.back(), 7);
  EXPECT_EQ(f.store.remove("toy").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace hearth::hub
