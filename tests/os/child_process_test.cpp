// SPDX-License-Identifier: MIT
#include "os/child_process.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <thread>

#include "base/clock.h"

namespace hearth::os {
namespace {

Result<ChildOutput> run(std::vector<std::string> command) { return run_child(command); }

TEST(ChildProcess, both_streams_and_the_status_come_back) {
  const auto ran = run({"/bin/sh", "-c", "echo out; echo err >&2; exit 3"});
  ASSERT_TRUE(ran) << ran.error().message;
  EXPECT_EQ(ran->out, "out\n");
  EXPECT_EQ(ran->err, "err\n");
  EXPECT_EQ(ran->exit_status, 3);
}

TEST(ChildProcess, arguments_arrive_as_they_are) {
  const auto ran =
      run({"/bin/sh", "-c", "printf '<%s>' \"$@\"", "name", "a b", "", "$HOME;`x`", "ü"});
  ASSERT_TRUE(ran) << ran.error().message;
  EXPECT_EQ(ran->out, "<a b><><$HOME;`x`><ü>");
}

TEST(ChildProcess, the_name_is_looked_up_in_the_path_and_the_input_is_empty) {
  const auto ran = run({"cat"});
  ASSERT_TRUE(ran) << ran.error().message;
  EXPECT_EQ(ran->exit_status, 0);
  EXPECT_EQ(ran->out, "");
}

TEST(ChildProcess, a_program_that_does_not_exist_is_an_error_that_names_it) {
  const auto ran = run({"/no/such/program"});
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, ErrorCode::kNotFound);
  EXPECT_NE(ran.error().message.find("/no/such/program"), std::string::npos);
}

TEST(ChildProcess, much_output_on_both_streams_neither_blocks_nor_grows_without_bound) {
  const std::vector<std::string> command = {
      "/bin/sh", "-c",
      "i=0; while [ $i -lt 3000 ]; do printf '%0100d' $i; printf '%0100d' $i >&2; "
      "i=$((i+1)); done"};
  const auto whole = run_child(command);
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_EQ(whole->out.size(), 300000u);
  EXPECT_EQ(whole->err, whole->out);
  const auto cut = run_child(command, nullptr, 1000);
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->out, whole->out.substr(0, 1000));
  EXPECT_EQ(cut->exit_status, 0);
}

TEST(ChildProcess, a_signal_is_told_as_shells_tell_it) {
  const auto ran = run({"/bin/sh", "-c", "kill -9 $$"});
  ASSERT_TRUE(ran);
  EXPECT_EQ(ran->exit_status, 128 + SIGKILL);
}

TEST(ChildProcess, a_cancelled_child_ends_even_if_it_does_not_listen) {
  for (const char* const script : {"sleep 600 & wait", "trap '' TERM; while :; do :; done"}) {
    std::atomic<bool> cancel{false};
    std::thread other([&cancel] {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      cancel = true;
    });
    const Stopwatch watch;
    const std::vector<std::string> command = {"/bin/sh", "-c", script};
    const auto ran = run_child(command, &cancel);
    other.join();
    ASSERT_FALSE(ran);
    EXPECT_EQ(ran.error().code, ErrorCode::kInterrupted);
    EXPECT_LT(watch.elapsed_ms(), 60'000);
  }
}

}  // namespace
}  // namespace hearth::os
