// SPDX-License-Identifier: MIT
// The logger is made once per process, so each level is tried in a process of its own.
#include "base/log.h"

#include <gtest/gtest.h>
#include <stdlib.h>

namespace hearth {
namespace {

[[noreturn]] void log_all_and_leave(const char* level) {
  if (level == nullptr) {
    ::unsetenv("HEARTH_LOG");
  } else {
    ::setenv("HEARTH_LOG", level, 1);
  }
  log_debug("a {}", "debug");
  log_info("an {}", "info");
  log_warn("a {}", "warning");
  log_error("an {}", "error");
  logger().flush();
  ::_exit(0);
}

const testing::ExitedWithCode kLeft(0);

TEST(LogDeathTest, warnings_and_errors_are_shown_without_being_asked) {
  EXPECT_EXIT(log_all_and_leave(nullptr), kLeft,
              "^hearth warning: a warning\nhearth error: an error\n$");
}

TEST(LogDeathTest, the_level_follows_hearth_log) {
  EXPECT_EXIT(log_all_and_leave("debug"), kLeft, "^hearth debug: a debug\nhearth info: an info\n");
  EXPECT_EXIT(log_all_and_leave("error"), kLeft, "^hearth error: an error\n$");
  EXPECT_EXIT(log_all_and_leave("off"), kLeft, "^$");
}

TEST(LogDeathTest, an_unknown_level_is_said_and_the_default_kept) {
  EXPECT_EXIT(log_all_and_leave("loud"), kLeft,
              "^hearth warning: HEARTH_LOG=loud is no level .*\nhearth warning: a warning\n");
}

}  // namespace
}  // namespace hearth
