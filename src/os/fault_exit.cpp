// SPDX-License-Identifier: MIT
#include "os/fault_exit.h"

#include <signal.h>
#include <unistd.h>

#include "base/check.h"

namespace hearth::os {

extern "C" void hearth_mapped_file_lost(int) { ::_exit(kMappedFileLost); }

void exit_when_mapped_file_is_lost() {
  struct sigaction action {};
  action.sa_handler = hearth_mapped_file_lost;
  ::sigemptyset(&action.sa_mask);
  CHECK(::sigaction(SIGBUS, &action, nullptr) == 0);
}

}  // namespace hearth::os
