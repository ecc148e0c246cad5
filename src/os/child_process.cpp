// SPDX-License-Identifier: MIT
#include "os/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <vector>

#include "base/check.h"
#include "os/failure.h"
#include "os/file_handle.h"

extern char** environ;

namespace hearth::os {
namespace {

// How long a cancelled child may take to end by itself.
constexpr int kGraceMs = 2000;
constexpr int kPollMs = 100;

struct Pipe {
  FileHandle read, write;
};

Result<Pipe> make_pipe() {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_failure("make", "a pipe", errno);
  return Pipe{FileHandle(ends[0]), FileHandle(ends[1])};
}

// How a child begins: its descriptors, and a process group of its own, so that ending it ends what
// it started too.
class Beginning {
 public:
  Beginning() {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    failed_ = ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP);
  }
  ~Beginning() {
    ::posix_spawnattr_destroy(&attributes_);
    ::posix_spawn_file_actions_destroy(&actions_);
  }
  Beginning(const Beginning&) = delete;
  Beginning& operator=(const Beginning&) = delete;

  void use(const FileHandle& file, int as) {
    if (failed_ == 0) failed_ = ::posix_spawn_file_actions_adddup2(&actions_, file.get(), as);
  }
  void empty_input() {
    if (failed_ == 0) {
      failed_ =
          ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    }
  }
  int failed() const { return failed_; }
  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
  int failed_ = 0;
};

Result<pid_t> spawn(std::span<const std::string> command, const Pipe& out, const Pipe& err) {
  Beginning beginning;
  beginning.empty_input();
  beginning.use(out.write, STDOUT_FILENO);
  beginning.use(err.write, STDERR_FILENO);
  std::vector<char*> args;
  for (const std::string& word : command) args.push_back(const_cast<char*>(word.c_str()));
  args.push_back(nullptr);
  pid_t pid = 0;
  int failed = beginning.failed();
  if (failed == 0) {
    failed = ::posix_spawnp(&pid, args[0], beginning.actions(), beginning.attributes(), args.data(),
                            environ);
  }
  if (failed != 0) return system_failure("run", command[0], failed);
  return pid;
}

// Reads what is there; closes the handle at the end of the stream.
void drain(FileHandle& from, std::string& into, uint64_t max_bytes) {
  std::array<char, 65536> buffer;
  const ssize_t n = ::read(from.get(), buffer.data(), buffer.size());
  if (n > 0) {
    const uint64_t room = max_bytes - std::min<uint64_t>(into.size(), max_bytes);
    into.append(buffer.data(), std::min<uint64_t>(static_cast<uint64_t>(n), room));
  } else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
    from.close();
  }
}

int exit_status_of(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Ends the child and all of its group; who does not go when asked is killed after kGraceMs.
void end(pid_t pid) {
  int status = 0;
  ::kill(-pid, SIGTERM);
  for (int waited = 0; waited < kGraceMs; waited += kPollMs) {
    if (::waitpid(pid, &status, WNOHANG) == pid) return;
    ::poll(nullptr, 0, kPollMs);
  }
  ::kill(-pid, SIGKILL);
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace

Result<ChildOutput> run_child(std::span<const std::string> command, const std::atomic<bool>* cancel,
                              uint64_t max_bytes) {
  CHECK(!command.empty());
  TRY_LET(Pipe out, make_pipe());
  TRY_LET(Pipe err, make_pipe());
  TRY_LET(const pid_t pid, spawn(command, out, err));
  // Only the child may hold the writing ends, or the streams would never end.
  out.write.close();
  err.write.close();
  ChildOutput output;
  while (out.read.is_open() || err.read.is_open()) {
    if (cancel != nullptr && cancel->load(std::memory_order_relaxed)) {
      end(pid);
      return interrupted("'{}' was stopped", command[0]);
    }
    // A closed handle is -1, which poll leaves out.
    pollfd streams[2] = {{out.read.get(), POLLIN, 0}, {err.read.get(), POLLIN, 0}};
    if (::poll(streams, 2, kPollMs) <= 0) continue;
    if (streams[0].revents != 0) drain(out.read, output.out, max_bytes);
    if (streams[1].revents != 0) drain(err.read, output.err, max_bytes);
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return system_failure("wait for", command[0], errno);
  }
  output.exit_status = exit_status_of(status);
  return output;
}

}  // namespace hearth::os
