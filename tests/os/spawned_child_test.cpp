// SPDX-License-Identifier: MIT
#include "os/spawned_child.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>

#include "os/any_readable.h"
#include "os/memory_file.h"
#include "os/socket_pair.h"

namespace hearth::os {
namespace {

struct Running {
  SocketPair sockets;
  SpawnedChild child;
};

Result<Running> start_shell(const std::string& script, std::vector<std::string> environment = {}) {
  TRY_LET(SocketPair sockets, make_socket_pair());
  TRY_LET(SpawnedChild child, SpawnedChild::start({.program = "/bin/sh",
                                                   .args = {"-c", script},
                                                   .environment = std::move(environment),
                                                   .channel = &sockets.theirs}));
  sockets.theirs.close();
  return Running{std::move(sockets), std::move(child)};
}

std::string read_all(const FileHandle& socket) {
  std::string text;
  std::array<char, 4096> buffer;
  while (true) {
    const auto n = receive_some(socket, buffer);
    if (!n || *n == 0) return text;
    text.append(buffer.data(), *n);
  }
}

bool ends_within(const SpawnedChild& child, int ms) {
  pollfd entry{child.end_descriptor(), POLLIN, 0};
  return ::poll(&entry, 1, ms) == 1;
}

TEST(SpawnedChild, it_has_the_channel_and_the_standard_streams_and_nothing_else_open) {
  // Without close-on-exec, as a library may leave one.
  const FileHandle extra(::fcntl(STDERR_FILENO, F_DUPFD, 77));
  ASSERT_GE(extra.get(), 77);
  auto running = start_shell("exec ls /proc/self/fd >&3");
  ASSERT_TRUE(running) << running.error().message;
  EXPECT_EQ(read_all(running->sockets.ours), "0\n1\n2\n3\n4\n");  // 4 is the folder that ls reads
  EXPECT_EQ(running->child.wait_end().text(), "exit status 0");
}

TEST(SpawnedChild, its_environment_is_what_is_named_and_nothing_else) {
  ASSERT_EQ(::setenv("HEARTH_TEST_SECRET", "s3cret", 1), 0);
  ASSERT_EQ(::setenv("HEARTH_TEST_NAMED", "a=b c", 1), 0);
  auto running = start_shell("cat /proc/$$/environ | tr '\\0' '\\n' >&3",
                             named_environment({"HEARTH_TEST_NAMED", "HEARTH_TEST_UNSET"}));
  ASSERT_TRUE(running) << running.error().message;
  EXPECT_EQ(read_all(running->sockets.ours), "HEARTH_TEST_NAMED=a=b c\n");
  ::unsetenv("HEARTH_TEST_SECRET");
  ::unsetenv("HEARTH_TEST_NAMED");
}

TEST(SpawnedChild, bytes_go_both_ways_and_the_end_of_the_channel_ends_a_reader) {
  auto running = start_shell("cat <&3 >&3");
  ASSERT_TRUE(running) << running.error().message;
  ASSERT_TRUE(send_all(running->sockets.ours, "there and back"));
  std::array<char, 64> buffer;
  std::string text;
  while (text.size() < 14) {
    const auto n = receive_some(running->sockets.ours, buffer);
    ASSERT_TRUE(n && *n > 0);
    text.append(buffer.data(), *n);
  }
  EXPECT_EQ(text, "there and back");
  EXPECT_FALSE(running->child.poll_end());
  running->sockets.ours.close();
  EXPECT_TRUE(ends_within(running->child, 10000));
  EXPECT_EQ(running->child.wait_end().text(), "exit status 0");
}

TEST(SpawnedChild, its_end_is_seen_on_a_descriptor_and_told_as_status_or_signal) {
  auto failing = start_shell("exit 7");
  ASSERT_TRUE(failing);
  EXPECT_TRUE(ends_within(failing->child, 10000));
  const auto end = failing->child.poll_end();
  ASSERT_TRUE(end);
  EXPECT_FALSE(end->by_signal);
  EXPECT_EQ(end->code, 7);

  auto sleeping = start_shell("exec sleep 100");
  ASSERT_TRUE(sleeping);
  EXPECT_FALSE(ends_within(sleeping->child, 20));
  sleeping->child.kill();
  EXPECT_TRUE(ends_within(sleeping->child, 10000));
  EXPECT_EQ(sleeping->child.wait_end().text(), "signal 9 (Killed)");
  sleeping->child.kill();  // nothing more happens
}

TEST(SpawnedChild, its_standard_streams_are_files_that_it_is_given) {
  const auto input = memory_file("input", "line one\nline two\n");
  const auto other = memory_file("other", "something else");
  auto sockets = make_socket_pair();
  ASSERT_TRUE(input && other && sockets);
  // A name is looked up in PATH.
  auto child = SpawnedChild::start({.program = "sh",
                                    .args = {"-c", "cat; cat <&3; ls /proc/self/fd"},
                                    .environment = named_environment({"PATH"}),
                                    .channel = &*other,
                                    .input = &*input,
                                    .output = &sockets->theirs});
  ASSERT_TRUE(child) << child.error().message;
  sockets->theirs.close();
  EXPECT_EQ(read_all(sockets->ours), "line one\nline two\nsomething else0\n1\n2\n3\n4\n");
  EXPECT_EQ(child->wait_end().text(), "exit status 0");
}

// A process of the group that has the channel open, so that its end can be seen there.
constexpr const char* kWithChild = "(trap '' INT TERM; exec sleep 1000) & echo started >&3;";

TEST(SpawnedChild, what_it_started_ends_with_it_however_it_ends) {
  for (const char* const how : {"exit 0", "kill -9 $$"}) {
    auto running = start_shell(std::string(kWithChild) + how);
    ASSERT_TRUE(running);
    running->child.wait_end();
    EXPECT_EQ(read_all(running->sockets.ours), "started\n");  // its end comes, so the child is gone
  }
}

TEST(SpawnedChild, a_signal_reaches_what_it_started) {
  auto running = start_shell(
      "sh -c 'trap \"echo heard >&3; exit\" USR1; echo started >&3;"
      "while :; do sleep 0.01; done' & trap '' USR1; wait");
  ASSERT_TRUE(running);
  std::array<char, 64> buffer;
  ASSERT_TRUE(receive_some(running->sockets.ours, buffer));
  running->child.send_signal(SIGUSR1);
  EXPECT_EQ(read_all(running->sockets.ours), "heard\n");
}

TEST(AnyReadable, is_readable_when_any_of_its_descriptors_is) {
  auto set = AnyReadable::make();
  auto first = make_socket_pair();
  auto second = make_socket_pair();
  ASSERT_TRUE(set && first && second);
  ASSERT_TRUE(set->add(first->ours.get()));
  ASSERT_TRUE(set->add(second->ours.get()));
  EXPECT_FALSE(set->wait(0));
  ASSERT_TRUE(send_all(second->theirs, "x"));
  EXPECT_TRUE(set->wait(10000));
  second->ours.close();
  EXPECT_FALSE(set->wait(0));
  first->theirs.close();  // an end is something to read too
  EXPECT_TRUE(set->wait(10000));
  EXPECT_FALSE(set->add(-1));
}

TEST(SpawnedChild, dropping_it_kills_it_and_leaves_no_zombie) {
  int pid = 0;
  {
    auto running = start_shell("exec sleep 100");
    ASSERT_TRUE(running);
    pid = running->child.pid();
    SpawnedChild moved = std::move(running->child);
    EXPECT_EQ(moved.pid(), pid);
  }
  EXPECT_EQ(::kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST(SpawnedChild, signals_that_the_parent_ignores_or_blocks_reach_it) {
  struct sigaction ignore {
  }, before{};
  ignore.sa_handler = SIG_IGN;
  ASSERT_EQ(::sigaction(SIGTERM, &ignore, &before), 0);
  auto running = start_shell("exec sleep 100");
  ASSERT_EQ(::sigaction(SIGTERM, &before, nullptr), 0);
  ASSERT_TRUE(running);
  running->child.send_signal(SIGTERM);
  EXPECT_TRUE(ends_within(running->child, 10000));
  EXPECT_EQ(running->child.wait_end().code, SIGTERM);
}

TEST(SpawnedChild, a_program_that_does_not_exist_is_an_error_that_names_it) {
  const auto child = SpawnedChild::start({.program = "/no/such/program"});
  ASSERT_FALSE(child);
  EXPECT_EQ(child.error().code, ErrorCode::kNotFound);
  EXPECT_NE(child.error().message.find("/no/such/program"), std::string::npos);
}

TEST(SpawnedChild, no_descriptor_is_left_behind) {
  const auto n_open = [] {
    const std::filesystem::directory_iterator folder("/proc/self/fd");
    return std::distance(begin(folder), end(folder));
  };
  const auto before = n_open();
  for (int i = 0; i < 20; ++i) {
    auto running = start_shell("exit 0");
    ASSERT_TRUE(running);
    if (i % 2 == 0) running->child.wait_end();
    EXPECT_FALSE(SpawnedChild::start({.program = "/no/such/program"}));
  }
  EXPECT_EQ(n_open(), before);
}

// A parent that starts a child and dies: the grandchild must not outlive it.
TEST(SpawnedChild, a_tied_process_dies_with_its_parent_even_while_it_is_stopped) {
  auto pipe = make_socket_pair();
  ASSERT_TRUE(pipe);
  const pid_t parent = ::fork();
  ASSERT_GE(parent, 0);
  if (parent == 0) {
    const pid_t child = ::fork();
    if (child == 0) {
      if (!tie_to_parent()) ::_exit(1);
      const pid_t self = ::getpid();
      const std::string_view bytes(reinterpret_cast<const char*>(&self), sizeof self);
      if (!send_all(pipe->theirs, bytes)) ::_exit(1);
      ::raise(SIGSTOP);
      ::_exit(0);
    }
    ::waitpid(child, nullptr, WUNTRACED);
    ::_exit(0);
  }
  pipe->theirs.close();
  pid_t grandchild = 0;
  std::array<char, sizeof grandchild> bytes;
  ASSERT_TRUE(receive_some(pipe->ours, bytes));
  std::memcpy(&grandchild, bytes.data(), sizeof grandchild);
  ASSERT_EQ(::waitpid(parent, nullptr, 0), parent);
  // The other end of the socket is closed when the last process that has it is gone.
  ASSERT_TRUE(wait_until_readable(pipe->ours, 10000));
  EXPECT_EQ(receive_some(pipe->ours, bytes).value_or(99), 0u);
  EXPECT_GT(grandchild, 0);
}

TEST(SocketPair, a_peer_that_is_gone_is_an_error_and_not_a_signal) {
  auto sockets = make_socket_pair();
  ASSERT_TRUE(sockets);
  sockets->theirs.close();
  EXPECT_FALSE(send_all(sockets->ours, "x"));
  std::array<char, 8> buffer;
  EXPECT_EQ(receive_some(sockets->ours, buffer).value_or(99), 0u);
}

TEST(SocketPair, whether_sending_would_wait_is_known_beforehand) {
  auto sockets = make_socket_pair();
  ASSERT_TRUE(sockets);
  size_t n_sent = 0;
  const std::string part(1024, 'x');
  while (can_send_now(sockets->ours) && n_sent < (size_t{64} << 20)) {
    ASSERT_TRUE(send_all(sockets->ours, part));
    n_sent += part.size();
  }
  EXPECT_LT(n_sent, size_t{64} << 20);
  EXPECT_FALSE(wait_until_readable(sockets->ours, 0));
  std::vector<char> buffer(n_sent);
  size_t n_read = 0;
  while (n_read < n_sent) n_read += receive_some(sockets->theirs, buffer).value_or(n_sent);
  EXPECT_EQ(n_read, n_sent);
  EXPECT_TRUE(can_send_now(sockets->ours));
}

}  // namespace
}  // namespace hearth::os
