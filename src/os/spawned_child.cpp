// SPDX-License-Identifier: MIT
#include "os/spawned_child.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/check.h"
#include "base/env.h"
#include "os/failure.h"

namespace hearth::os {
namespace {

// The program that runs now, also after its file was replaced by a newer one.
constexpr const char* kOwnProgram = "/proc/self/exe";
constexpr const char* kNothing = "/dev/null";

// The descriptors, signals and process group that a child begins with.
class ChildBeginning {
 public:
  explicit ChildBeginning(const ChildCommand& command) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    if (command.channel != nullptr) give(*command.channel, kChannelDescriptor);
    give_or_nothing(command.input, STDIN_FILENO, O_RDONLY);
    give_or_nothing(command.output, STDOUT_FILENO, O_WRONLY);
    const int first_closed = kChannelDescriptor + (command.channel != nullptr ? 1 : 0);
    add(::posix_spawn_file_actions_addclosefrom_np(&actions_, first_closed));
    // Ignored and blocked signals would be inherited.
    sigset_t all, none;
    ::sigfillset(&all);
    ::sigemptyset(&none);
    add(::posix_spawnattr_setsigdefault(&attributes_, &all));
    add(::posix_spawnattr_setsigmask(&attributes_, &none));
    add(::posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK));
  }
  ~ChildBeginning() {
    ::posix_spawnattr_destroy(&attributes_);
    ::posix_spawn_file_actions_destroy(&actions_);
  }
  ChildBeginning(const ChildBeginning&) = delete;
  ChildBeginning& operator=(const ChildBeginning&) = delete;

  int failed() const { return failed_; }
  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  void add(int failed) {
    if (failed_ == 0) failed_ = failed;
  }
  // By way of a number above those of the child's: the file may have one of them here, which what
  // is given before it would take.
  void give(const FileHandle& file, int as) {
    lifted_.emplace_back(::fcntl(file.get(), F_DUPFD_CLOEXEC, kChannelDescriptor + 1));
    if (!lifted_.back().is_open()) return add(errno);
    add(::posix_spawn_file_actions_adddup2(&actions_, lifted_.back().get(), as));
  }
  void give_or_nothing(const FileHandle* file, int as, int mode) {
    if (file != nullptr) return give(*file, as);
    add(::posix_spawn_file_actions_addopen(&actions_, as, kNothing, mode, 0));
  }
  std::vector<FileHandle> lifted_;
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
  int failed_ = 0;
};

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> list;
  for (const std::string& word : words) list.push_back(const_cast<char*>(word.c_str()));
  list.push_back(nullptr);
  return list;
}

}  // namespace

std::vector<std::string> named_environment(const std::vector<std::string>& names) {
  std::vector<std::string> list;
  for (const std::string& name : names) {
    if (const auto value = env(name.c_str())) list.push_back(name + "=" + *value);
  }
  return list;
}

std::string ChildEnd::text() const {
  if (!by_signal) return fmt::format("exit status {}", code);
  return fmt::format("signal {} ({})", code, ::strsignal(code));
}

Result<SpawnedChild> SpawnedChild::start(const ChildCommand& command) {
  const std::string program = command.program.empty() ? kOwnProgram : command.program;
  const ChildBeginning beginning(command);
  std::vector<std::string> words = {command.program.empty() ? "hearth" : command.program};
  words.insert(words.end(), command.args.begin(), command.args.end());
  const std::vector<char*> args = pointers(words);
  const std::vector<char*> environment = pointers(command.environment);
  pid_t pid = 0;
  int failed = beginning.failed();
  if (failed == 0) {
    failed = ::posix_spawnp(&pid, program.c_str(), beginning.actions(), beginning.attributes(),
                            args.data(), environment.data());
  }
  if (failed != 0) return system_failure("run", program, failed);
  // Nobody has waited for the child yet, so its number cannot belong to another one.
  FileHandle pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!pidfd.is_open()) {
    const int error = errno;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return with_hint(system_failure("watch", "a child process", error), "needs Linux 5.3 or newer");
  }
  return SpawnedChild(pid, std::move(pidfd));
}

SpawnedChild::SpawnedChild(SpawnedChild&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), pidfd_(std::move(other.pidfd_)), end_(other.end_) {}

SpawnedChild& SpawnedChild::operator=(SpawnedChild&& other) noexcept {
  if (this != &other) {
    finish();
    pid_ = std::exchange(other.pid_, 0);
    pidfd_ = std::move(other.pidfd_);
    end_ = other.end_;
  }
  return *this;
}

SpawnedChild::~SpawnedChild() { finish(); }

void SpawnedChild::finish() {
  if (pid_ == 0 || end_) return;
  kill();
  wait_end();
}

std::optional<ChildEnd> SpawnedChild::collect(int flags) {
  if (end_) return end_;
  CHECK(pid_ != 0);
  siginfo_t info{};
  const auto wait = [&](int how) {
    int failed = 0;
    do {
      failed = ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | how);
    } while (failed != 0 && errno == EINTR);
    CHECK(failed == 0);  // nobody else waits for our children
  };
  wait(flags | WNOWAIT);
  if (info.si_pid == 0) return std::nullopt;
  kill();  // the rest of its group, whose number is its own until it has been waited for
  wait(0);
  end_ = ChildEnd{info.si_code != CLD_EXITED, info.si_status};
  return end_;
}

std::optional<ChildEnd> SpawnedChild::poll_end() { return collect(WNOHANG); }

ChildEnd SpawnedChild::wait_end() { return *collect(0); }

void SpawnedChild::send_signal(int signal) {
  // As long as nobody has waited for it, the number stays the child's, and its group's.
  if (pid_ != 0 && !end_) ::kill(-pid_, signal);
}

void SpawnedChild::kill() { send_signal(SIGKILL); }

Status tie_to_parent() {
  const pid_t parent = ::getppid();
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
    return system_failure("follow", "the parent process", errno);
  }
  // It may have gone in between; one that went earlier shows as the end of the channel.
  if (::getppid() != parent) return interrupted("the parent process is gone");
  return {};
}

}  // namespace hearth::os
