// SPDX-License-Identifier: MIT
#include "cli/log_reader.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/log.h"
#include "tests/support/temp_folder.h"

namespace hearth::cli {
namespace {

namespace fs = std::filesystem;

class LogReaderTest : public testing::Test {
 protected:
  void write(const std::string& text, const char* name = "serve.log") const {
    std::ofstream(folder_ / name, std::ios::app | std::ios::binary) << text;
  }
  std::string last(size_t n) {
    auto lines = reader_.last_lines(n);
    EXPECT_TRUE(lines);
    return lines ? *lines : "";
  }

  test::TempFolder folder_;
  LogReader reader_{folder_ / "serve.log"};
};

TEST_F(LogReaderTest, the_last_lines_come_from_older_files_too) {
  EXPECT_EQ(reader_.last_lines(1).error().code, ErrorCode::kNotFound);
  write("1\n2\n", "serve.2.log");
  write("3\n4\n", "serve.1.log");
  write("5\n6\n");
  EXPECT_EQ(last(0), "");
  EXPECT_EQ(last(1), "6\n");
  EXPECT_EQ(last(2), "5\n6\n");
  EXPECT_EQ(last(3), "4\n5\n6\n");
  EXPECT_EQ(last(5), "2\n3\n4\n5\n6\n");
  EXPECT_EQ(last(100), "1\n2\n3\n4\n5\n6\n");
}

TEST_F(LogReaderTest, what_is_written_later_comes_once_also_when_the_file_was_put_aside) {
  write("1\n");
  EXPECT_EQ(last(10), "1\n");
  EXPECT_EQ(reader_.more(), "");
  write("2\n");
  EXPECT_EQ(reader_.more(), "2\n");
  write("3\n");
  fs::rename(folder_ / "serve.log", folder_ / "serve.1.log");
  EXPECT_EQ(reader_.more(), "");
  write("4\n");
  EXPECT_EQ(reader_.more(), "3\n4\n");
  EXPECT_EQ(reader_.more(), "");
}

// The one test that gives the process's logger a file.
TEST_F(LogReaderTest, the_log_is_bounded_and_has_what_stderr_leaves_out) {
  write("a file, no folder", "none");
  EXPECT_FALSE(log_to_file(folder_ / "none" / "serve.log"));
  ASSERT_TRUE(log_to_file(folder_ / "serve.log"));
  testing::internal::CaptureStderr();
  log_info("first");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_NE(last(1).find(" info ["), std::string::npos) << last(1);
  EXPECT_TRUE(last(1).ends_with("] first\n"));
  const std::string line(1000, 'x');
  for (size_t i = 0; i < 6 * kMaxLogBytes / line.size(); ++i) log_info("{}", line);
  uint64_t n_bytes = 0;
  size_t n_files = 0;
  for (const auto& entry : fs::directory_iterator(folder_.path())) {
    if (entry.path().extension() != ".log") continue;
    n_bytes += entry.file_size();
    ++n_files;
  }
  EXPECT_EQ(n_files, kOldLogs + 1);
  EXPECT_LE(n_bytes, (kOldLogs + 1) * kMaxLogBytes);
  EXPECT_GT(n_bytes, kOldLogs * kMaxLogBytes * 9 / 10);
}

}  // namespace
}  // namespace hearth::cli
