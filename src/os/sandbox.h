// SPDX-License-Identifier: MIT
// What a process that reads files from strangers gives up, for good and before it reads them: all
// files but those named, the network, other processes, new programs (RELIABILITY D9, S8). In two
// stages: enter_sandbox() leaves opening the named files, close_files() takes that away too.
// Each layer that this kernel lacks is told as a fact, not as an error: the others still hold.
// Sources: landlock(7), seccomp(2), prctl(2), proc(5) oom_score_adj, setrlimit(2).
// Thread rule: enter_sandbox() while the process has one thread: those made later inherit it.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace hearth::os {

struct SandboxFacts {
  int landlock_abi = 0;  // 0: the kernel has none
  bool files = false;    // Landlock: only the named files can be opened
  bool network = false;  // Landlock: no TCP, whatever the filter of system calls lets through
  bool signals = false;  // Landlock: none to processes outside
  bool calls = false;    // seccomp: only the system calls that computing needs
  bool opens = false;    // seccomp: nothing can be opened any more (after close_files)
  bool unprivileged =
      false;  // no_new_privs, no core dump, not dumpable, first to go when memory ends
  std::vector<std::string> missing;  // one line each, for people
};

// `readable`: files, and folders with all below them, that may be opened for reading; those that do
// not exist are left out.
SandboxFacts enter_sandbox(const std::vector<std::filesystem::path>& readable);

// From now on nothing can be opened, in all threads; open and mapped files stay.
void close_files(SandboxFacts& facts);

// What enter_sandbox() could do here, without doing it.
SandboxFacts sandbox_support();

}  // namespace hearth::os
