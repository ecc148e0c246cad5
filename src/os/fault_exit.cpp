// SPDX-License-Identifier: MIT
#include "os/fault_exit.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>

#include "base/check.h"

namespace hearth::os {
namespace {

// As the handlers of signals, one for the whole process.
std::atomic<bool> exits_when_lost = false;

}  // namespace

extern "C" void hearth_mapped_file_lost(int) { ::_exit(kMappedFileLost); }

void exit_when_mapped_file_is_lost() {
  struct sigaction action {};
  action.sa_handler = hearth_mapped_file_lost;
  ::sigemptyset(&action.sa_mask);
  CHECK(::sigaction(SIGBUS, &action, nullptr) == 0);
  CHECK(::sigaction(SIGIO, &action, nullptr) == 0);  // a lease is called back
  exits_when_lost = true;
}

bool hold_mapped_file(const FileHandle& file) {
  return exits_when_lost && ::fcntl(file.get(), F_SETLEASE, F_RDLCK) == 0;
}

}  // namespace hearth::os
