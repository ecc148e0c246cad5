// SPDX-License-Identifier: MIT
// Processor time: made-up files with known answers, and this machine against its own work.
#include "os/cpu_time.h"

#include <gtest/gtest.h>
#include <time.h>
#include <unistd.h>

#include "os/child_process.h"
#include "tests/support/temp_folder.h"

namespace hearth::os {
namespace {

using test::put;

double tick_s() { return 1.0 / static_cast<double>(::sysconf(_SC_CLK_TCK)); }

TEST(CpuTime, idle_and_waiting_do_not_count_and_guests_count_once) {
  const test::TempFolder root;
  put(root / "proc/stat",
      "cpu  100 20 30 4000 500 6 7 8 90 10\ncpu0 1 1 1 1 1 1 1 1 0 0\n"
      "cpu1 1 1 1 1 1 1 1 1 0 0\nintr 12 3\ncpu9 1 1 1 1 1 1 1 1 0 0\n");
  put(root / "proc/self/stat", "77 (a (b) c) R 1 2 3 4 5 6 7 8 9 10 200 30 4 5 20 0 1 0 9 9 9 9\n");
  const auto time = cpu_time(root.path());
  ASSERT_TRUE(time) << time.error().message;
  EXPECT_DOUBLE_EQ(time->all_s, (100 + 20 + 30 + 6 + 7 + 8) * tick_s());
  EXPECT_DOUBLE_EQ(time->own_s, (200 + 30 + 4 + 5) * tick_s());
  EXPECT_EQ(time->n_cpus, 2);
}

TEST(CpuTime, files_that_are_missing_or_cut_are_an_error) {
  const test::TempFolder root;
  EXPECT_FALSE(cpu_time(root.path()));
  put(root / "proc/stat", "cpu  100 20 30 4000 500 6 7 8\ncpu0 1 1 1 1 1 1 1 1\n");
  EXPECT_FALSE(cpu_time(root.path())) << "no file of the process";
  put(root / "proc/self/stat", "77 (a) R 1 2 3 4 5 6 7 8 9 10 200 30\n");
  EXPECT_FALSE(cpu_time(root.path()));
  put(root / "proc/self/stat", "77 (a) R 1 2 3 4 5 6 7 8 9 10 200 30 4 5\n");
  EXPECT_TRUE(cpu_time(root.path()));
  put(root / "proc/stat", "cpu  100 20\ncpu0 1 1 1 1 1 1 1 1\n");
  EXPECT_FALSE(cpu_time(root.path()));
}

double process_cpu_s() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

TEST(CpuTime, own_work_and_that_of_ended_children_is_own) {
  const auto before = cpu_time();
  ASSERT_TRUE(before) << before.error().message;
  const double start = process_cpu_s();
  while (process_cpu_s() < start + 0.3) {
  }
  const std::vector<std::string> child = {"/bin/sh", "-c",
                                          "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"};
  const auto middle = cpu_time();
  ASSERT_TRUE(middle);
  ASSERT_TRUE(run_child(child));
  const auto after = cpu_time();
  ASSERT_TRUE(after);
  // Times are counted in ticks, and user and system time are rounded each.
  EXPECT_GE(middle->own_s - before->own_s, 0.3 - 4 * tick_s());
  EXPECT_GT(after->own_s, middle->own_s);
  EXPECT_GE(after->all_s, before->all_s);
  EXPECT_GE(after->n_cpus, 1);
}

}  // namespace
}  // namespace hearth::os
