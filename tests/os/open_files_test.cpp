// SPDX-License-Identifier: MIT
#include "os/open_files.h"

#include <gtest/gtest.h>

namespace hearth::os {
namespace {

TEST(OpenFiles, the_limit_is_raised_and_never_lowered) {
  const size_t now = raise_open_files(0);
  EXPECT_GT(now, 0u);
  const size_t raised = raise_open_files(now + 16);
  EXPECT_GE(raised, now);
  EXPECT_EQ(raise_open_files(1), raised);
}

}  // namespace
}  // namespace hearth::os
