// SPDX-License-Identifier: MIT
// Each test makes a process, lets it give up its rights, and looks at what it still can do. Its
// exit status tells which attempt succeeded that should not have.
#include "os/sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <functional>
#include <thread>

#include "base/units.h"
#include "os/atomic_file.h"
#include "os/fault_exit.h"
#include "os/landlock.h"
#include "os/mapped_file.h"
#include "os/memory.h"
#include "tests/support/temp_folder.h"

namespace hearth::os {
namespace {

int status_of(const std::function<int()>& work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work());
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

bool can_read(const std::filesystem::path& path) {
  const FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char byte = 0;
  return file.is_open() && ::read(file.get(), &byte, 1) == 1;
}

// The number of the first attempt that was not refused, counted from 1.
int first_success(std::initializer_list<std::function<bool()>> attempts) {
  int i = 0;
  for (const auto& attempt : attempts) {
    ++i;
    if (attempt()) return i;
  }
  return 0;
}

class Sandbox : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(write_file(model_, "weights"));
    ASSERT_TRUE(write_file(other_, "secret"));
  }
  test::TempFolder folder_;
  const std::filesystem::path model_ = folder_ / "model.gguf";
  const std::filesystem::path other_ = folder_ / "other.txt";
};

TEST_F(Sandbox, this_kernel_has_both_layers_and_they_are_told_as_facts) {
  EXPECT_EQ(sandbox_support().landlock_abi, landlock_abi());
  EXPECT_EQ(sandbox_support().files, landlock_abi() > 0);
  const int status = status_of([&] {
    const SandboxFacts support = sandbox_support();
    SandboxFacts facts = enter_sandbox({model_});
    close_files(facts);
    if (facts.files != support.files || facts.network != support.network) return 1;
    if (facts.calls != support.calls || facts.opens != support.opens) return 2;
    if (!facts.unprivileged) return 3;
    const bool whole = facts.files && facts.network && facts.calls && facts.opens;
    return whole == facts.missing.empty() ? 0 : 4;
  });
  EXPECT_EQ(status, 0);
}

TEST_F(Sandbox, while_loading_only_the_named_files_can_be_read_and_none_written) {
  if (landlock_abi() == 0) GTEST_SKIP() << "this kernel has no Landlock";
  const int status = status_of([&] {
    enter_sandbox({model_, "/proc/meminfo", "/no/such/file"});
    if (!can_read(model_) || !memory_info()) return 100;
    return first_success({
        [&] { return can_read(other_); },
        [&] { return can_read("/etc/passwd"); },
        [&] { return ::open(folder_.path().c_str(), O_RDONLY | O_DIRECTORY) >= 0; },
        [&] { return ::open(model_.c_str(), O_RDWR) >= 0; },
        [&] { return ::open((folder_ / "new").c_str(), O_WRONLY | O_CREAT, 0600) >= 0; },
        [&] { return ::unlink(model_.c_str()) == 0; },
        [&] { return ::truncate(model_.c_str(), 0) == 0; },
    });
  });
  EXPECT_EQ(status, 0);
}

TEST_F(Sandbox, once_files_are_closed_nothing_can_be_opened_but_what_is_mapped_stays) {
  const int status = status_of([&] {
    auto facts = enter_sandbox({model_});
    const auto mapped = MappedFile::open(model_);
    if (!mapped) return 100;
    std::atomic<int> stage{0};
    bool opened_in_thread = true;
    // A thread from before: the second filter must reach it too.
    std::thread thread([&] {
      stage.wait(0);
      opened_in_thread = can_read(model_);
    });
    close_files(facts);
    stage = 1;
    stage.notify_all();
    thread.join();
    if (mapped->bytes()[0] != 'w') return 101;
    return first_success({[&] { return can_read(model_); },
                          [&] { return can_read("/proc/meminfo"); },
                          [&] { return opened_in_thread; }});
  });
  EXPECT_EQ(status, 0);
}

TEST_F(Sandbox, network_processes_programs_and_other_peoples_memory_are_out_of_reach) {
  const int status = status_of([&] {
    auto facts = enter_sandbox({model_});
    close_files(facts);
    return first_success({
               [] { return ::socket(AF_INET, SOCK_STREAM, 0) >= 0; },
               [] { return ::socket(AF_UNIX, SOCK_STREAM, 0) >= 0; },
               [] {
                 int ends[2];
                 return ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0;
               },
#ifndef HEARTH_SANITIZED
               [] {
                 int ends[2];
                 return ::pipe(ends) == 0;
               },
#endif
               [] {
                 ::execl("/bin/true", "true", nullptr);
                 return false;  // else the process would have ended well, which the last line is
                                // not
               },
               [] { return ::fork() >= 0; },
               [] { return ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0; },
               [] { return ::kill(::getppid(), 0) == 0; },
               [] { return ::mount("none", "/", "tmpfs", 0, nullptr) == 0; },
               [] { return ::unshare(CLONE_NEWNS) == 0; },
               [] { return ::syscall(SYS_bpf, 0, nullptr, 0) != -1 || errno != EPERM; },
               [] { return ::syscall(SYS_io_uring_setup, 1, nullptr) != -1 || errno != EPERM; },
               [] { return ::syscall(SYS_keyctl, 0, 0, 0, 0, 0) != -1 || errno != EPERM; },
               [] { return ::syscall(SYS_process_vm_readv, ::getppid(), 0, 0, 0, 0, 0) != -1; },
               [] { return ::syscall(SYS_memfd_create, "x", 0) != -1; },
               [] { return ::syscall(SYS_userfaultfd, 0) != -1; },
               [] {
                 return ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
                               -1, 0) != MAP_FAILED;
               },
               [] { return ::prctl(PR_SET_DUMPABLE, 1) == 0; },
           }) +
           50;
  });
  EXPECT_EQ(status, 50);
}

TEST_F(Sandbox, computing_goes_on_with_threads_memory_time_and_the_log) {
  const int status = status_of([&] {
    auto facts = enter_sandbox({model_});
    close_files(facts);
    std::vector<char> memory(64 * kMiB, 'x');
    std::atomic<int> n_ran{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        std::vector<char> own(kMiB, 'y');
        n_ran += own[5] == 'y' ? 1 : 0;
      });
    }
    for (auto& thread : threads) thread.join();
    std::fputs("", stderr);
    return n_ran == 4 && memory[7] == 'x' ? 0 : 1;
  });
  EXPECT_EQ(status, 0);
}

TEST_F(Sandbox, it_leaves_no_core_is_not_dumpable_and_goes_first_when_memory_ends) {
  const int status = status_of([&] {
    const FileHandle score(::open("/proc/self/oom_score_adj", O_RDONLY));
    const FileHandle limits(::open("/proc/self/limits", O_RDONLY));
    enter_sandbox({model_});
    char text[16] = {};
    if (::read(score.get(), text, sizeof text - 1) <= 0 || std::atoi(text) != 500) return 1;
    char table[4096] = {};
    if (::read(limits.get(), table, sizeof table - 1) <= 0) return 2;
    const char* const core = std::strstr(table, "Max core file size");
    if (core == nullptr || std::atoi(core + std::strlen("Max core file size")) != 0) return 2;
    if (::prctl(PR_GET_DUMPABLE) != 0) return 3;
    return ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 4;
  });
  EXPECT_EQ(status, 0);
}

TEST(MappedFileLost, a_file_that_shrinks_under_its_mapping_ends_the_process_with_its_status) {
  const test::TempFolder folder;
  const auto path = folder / "model.gguf";
  ASSERT_TRUE(write_file(path, std::string(64 * 1024, 'w')));
  const FileHandle writer(::open(path.c_str(), O_WRONLY));  // so that there is no lease
  const int status = status_of([&] {
    exit_when_mapped_file_is_lost();
    const auto mapped = MappedFile::open(path);
    if (!mapped || ::ftruncate(writer.get(), 0) != 0) return 1;
    const volatile uint8_t* const bytes = mapped->bytes().data();
    return int{bytes[5000]};
  });
  EXPECT_EQ(status, kMappedFileLost);
}

TEST(MappedFileLost, a_file_that_is_opened_to_write_ends_the_process_before_it_is_written) {
  const test::TempFolder folder;
  const auto path = folder / "model.gguf";
  ASSERT_TRUE(write_file(path, std::string(64 * 1024, 'w')));
  const int status = status_of([&] {
    int go[2] = {-1, -1};
    if (::pipe(go) != 0) return 1;
    // Another program, forked before there is a lease that it would share.
    if (::fork() == 0) {
      char byte = 0;
      if (::read(go[0], &byte, 1) != 1) ::_exit(1);
      const FileHandle file(::open(path.c_str(), O_WRONLY));
      ::_exit(::pwrite(file.get(), "x", 1, 0) == 1 ? 0 : 1);
    }
    exit_when_mapped_file_is_lost();
    const auto mapped = MappedFile::open(path);
    if (!mapped || ::write(go[1], "g", 1) != 1) return 2;
    for (int i = 0; i < 200 && mapped->bytes()[0] == 'w'; ++i) ::usleep(100'000);
    return 3;
  });
  EXPECT_EQ(status, kMappedFileLost);
  // Then nobody holds the file any more, and the writer goes on.
  std::string text = "w";
  for (int i = 0; i < 200 && text[0] == 'w'; ++i) {
    ::usleep(100'000);
    text = read_text_file(path, 1 << 20).value_or("?");
  }
  EXPECT_EQ(text[0], 'x');
}

}  // namespace
}  // namespace hearth::os
