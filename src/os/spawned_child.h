// SPDX-License-Identifier: MIT
// A child that runs beside its parent and talks to it over inherited descriptors. It is given
// nothing but what its command names: no other variable of the environment, no other open file;
// a process group of its own, which signals reach as a whole; standard input and output that are
// empty unless they are named; standard error is the parent's (the log). An event loop waits for
// its end on a descriptor, no signal is involved. Sources: posix_spawn(3), pidfd_open(2),
// waitid(2), prctl(2).
// Thread rule: one thread at a time, and the thread that starts a child outlives it: the system
// ends a child together with the thread that started it (tie_to_parent).
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "os/file_handle.h"

namespace hearth::os {

// Where a child finds the socket to its parent.
inline constexpr int kChannelDescriptor = 3;

struct ChildCommand {
  std::string program;                   // a path, or a name in PATH; empty: the one that runs now
  std::vector<std::string> args;         // without the program's name
  std::vector<std::string> environment;  // "NAME=value", and nothing beside them
  // The parent's stay open. Null: there is none.
  const FileHandle* channel = nullptr;  // becomes kChannelDescriptor
  const FileHandle* input = nullptr;    // becomes the standard input
  const FileHandle* output = nullptr;   // becomes the standard output
};

// "NAME=value" of those variables that are set here.
std::vector<std::string> named_environment(const std::vector<std::string>& names);

// How a child ended.
struct ChildEnd {
  bool by_signal = false;
  int code = 0;  // the exit status, or the signal's number

  // "exit status 3", "signal 9 (Killed)".
  std::string text() const;
};

class SpawnedChild {
 public:
  static Result<SpawnedChild> start(const ChildCommand& command);

  SpawnedChild(SpawnedChild&& other) noexcept;
  SpawnedChild& operator=(SpawnedChild&& other) noexcept;
  // Kills the child and its group where it still runs, and waits for its end.
  ~SpawnedChild();

  int pid() const { return pid_; }
  // Readable once the child has ended. Borrowed.
  int end_descriptor() const { return pidfd_.get(); }

  // How it ended, or nothing while it runs. What it started ends with it.
  std::optional<ChildEnd> poll_end();
  ChildEnd wait_end();
  // To all of its group. Nothing happens where it has ended.
  void send_signal(int signal);
  void kill();

 private:
  SpawnedChild(int pid, FileHandle pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  std::optional<ChildEnd> collect(int flags);
  void finish();

  int pid_ = 0;  // 0: moved from
  FileHandle pidfd_;
  std::optional<ChildEnd> end_;
};

// In the child, first of all: when the parent dies, so does this process, whatever it is doing.
Status tie_to_parent();

}  // namespace hearth::os
