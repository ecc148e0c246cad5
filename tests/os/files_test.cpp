// SPDX-License-Identifier: MIT
// Mapped files, plain reading, atomic files, locks: also interrupted and refused.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <thread>

#include "os/atomic_file.h"
#include "os/file_handle.h"
#include "os/file_lock.h"
#include "os/mapped_file.h"
#include "tests/support/temp_folder.h"

namespace hearth::os {
namespace {

namespace fs = std::filesystem;
using test::TempFolder;

TEST(MappedFile, shows_the_bytes_of_the_file_and_survives_being_moved) {
  const TempFolder folder;
  ASSERT_TRUE(write_file(folder / "a", "hello"));
  auto first = MappedFile::open(folder / "a");
  ASSERT_TRUE(first) << first.error().message;
  const uint8_t* const address = first->bytes().data();
  MappedFile moved = std::move(*first);
  EXPECT_EQ(moved.bytes().data(), address);
  EXPECT_EQ(std::memcmp(moved.bytes().data(), "hello", 5), 0);
  EXPECT_EQ(moved.bytes().size(), 5u);
  EXPECT_EQ(moved.path(), folder / "a");
  moved.will_need(0, 5);
  moved.will_need(3, ~uint64_t{0});
  moved.will_need(99, 1);
  auto second = MappedFile::open(folder / "a");
  ASSERT_TRUE(second);
  moved = std::move(*second);
  EXPECT_EQ(std::memcmp(moved.bytes().data(), "hello", 5), 0);
}

TEST(MappedFile, an_empty_file_is_no_bytes) {
  const TempFolder folder;
  ASSERT_TRUE(write_file(folder / "a", ""));
  const auto file = MappedFile::open(folder / "a");
  ASSERT_TRUE(file);
  EXPECT_TRUE(file->bytes().empty());
}

TEST(MappedFile, a_file_that_is_replaced_or_removed_stays_readable) {
  const TempFolder folder;
  ASSERT_TRUE(write_file(folder / "a", "old"));
  const auto file = MappedFile::open(folder / "a");
  ASSERT_TRUE(file);
  ASSERT_TRUE(write_file(folder / "a", "something new and longer"));
  EXPECT_EQ(std::memcmp(file->bytes().data(), "old", 3), 0);
  fs::remove(folder / "a");
  EXPECT_EQ(std::memcmp(file->bytes().data(), "old", 3), 0);
}

TEST(MappedFile, what_is_no_regular_file_is_refused_by_name) {
  const TempFolder folder;
  const auto missing = MappedFile::open(folder / "none");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_NE(missing.error().message.find("none"), std::string::npos);
  const auto as_folder = MappedFile::open(folder.path());
  ASSERT_FALSE(as_folder);
  EXPECT_EQ(as_folder.error().code, ErrorCode::kInvalid);
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  const auto pipe = MappedFile::open(folder / "pipe");
  ASSERT_FALSE(pipe);
  EXPECT_EQ(pipe.error().code, ErrorCode::kInvalid);
  EXPECT_EQ(MappedFile::open("/dev/null").error().code, ErrorCode::kInvalid);
}

TEST(ReadTextFile, reads_all_and_refuses_more_than_the_bound) {
  const TempFolder folder;
  const std::string text(1000, 'x');
  ASSERT_TRUE(write_file(folder / "a", text));
  EXPECT_EQ(read_text_file(folder / "a", 1000).value_or(""), text);
  const auto bounded = read_text_file(folder / "a", 999);
  ASSERT_FALSE(bounded);
  EXPECT_EQ(bounded.error().code, ErrorCode::kLimit);
  EXPECT_EQ(read_text_file(folder / "b", 1).error().code, ErrorCode::kNotFound);
}

TEST(AtomicFile, appears_only_when_it_is_committed) {
  const TempFolder folder;
  {
    auto file = AtomicFile::create(folder / "a");
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->reserve(100));
    ASSERT_TRUE(file->write("half"));
    EXPECT_FALSE(fs::exists(folder / "a"));
    ASSERT_TRUE(file->write(" and whole"));
    EXPECT_EQ(file->bytes_written(), 14u);
    ASSERT_TRUE(file->commit());
  }
  EXPECT_EQ(read_text_file(folder / "a", 100).value_or(""), "half and whole");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 1);
}

TEST(AtomicFile, dropped_or_moved_from_it_leaves_the_old_file_and_nothing_else) {
  const TempFolder folder;
  ASSERT_TRUE(write_file(folder / "a", "old"));
  {
    auto file = AtomicFile::create(folder / "a");
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->write("new"));
    const AtomicFile moved = std::move(*file);
  }
  EXPECT_EQ(read_text_file(folder / "a", 100).value_or(""), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 1);
}

TEST(AtomicFile, a_folder_that_is_missing_is_an_error_that_names_the_file) {
  const TempFolder folder;
  const auto file = AtomicFile::create(folder / "no/such/a");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kNotFound);
  EXPECT_NE(file.error().message.find("no/such/a"), std::string::npos);
}

// A file-size limit makes the system refuse a write in the middle, as a full disk would.
TEST(AtomicFile, a_write_that_the_system_refuses_keeps_the_old_file) {
  const TempFolder folder;
  ASSERT_TRUE(write_file(folder / "a", "old"));
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{4096, 4096};
    ::setrlimit(RLIMIT_FSIZE, &small);
    bool refused = false;
    if (auto file = AtomicFile::create(folder / "a")) {
      const std::string piece(1000, 'x');
      for (int i = 0; i < 10 && !refused; ++i) {
        const Status status = file->write(piece);
        refused = !status && status.error().code == ErrorCode::kIo;
      }
    }
    ::_exit(refused ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(read_text_file(folder / "a", 100).value_or(""), "old");
}

// Kills a process that writes the same file for ever: whatever the moment, the file is whole.
TEST(AtomicFile, a_killed_writer_leaves_the_old_or_the_new_file_never_a_mixture) {
  const TempFolder folder;
  const std::string a(20'000, 'a');
  const std::string b(30'000, 'b');
  ASSERT_TRUE(write_file(folder / "f", a));
  for (int round = 0; round < 40; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      while (write_file(folder / "f", b) && write_file(folder / "f", a)) {
      }
      ::_exit(1);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(200 + 130 * round));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    const auto text = read_text_file(folder / "f", 100'000);
    ASSERT_TRUE(text);
    EXPECT_TRUE(*text == a || *text == b) << "round " << round << ", " << text->size() << " bytes";
  }
}

TEST(FileLock, is_held_by_one_at_a_time_and_freed_at_the_end) {
  const TempFolder folder;
  std::atomic<bool> second_has_it{false};
  auto first = FileLock::acquire(folder / "lock");
  ASSERT_TRUE(first);
  std::thread other([&] {
    const auto second = FileLock::acquire(folder / "lock");
    EXPECT_TRUE(second);
    second_has_it = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  EXPECT_FALSE(second_has_it);
  first = FileLock::acquire(folder / "other");
  other.join();
  EXPECT_TRUE(second_has_it);
}

}  // namespace
}  // namespace hearth::os
