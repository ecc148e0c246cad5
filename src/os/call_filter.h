// SPDX-License-Identifier: MIT
// The part of the sandbox that leaves a process only the system calls that computing needs; all
// others answer EPERM. No calls that make sockets, programs, processes, executable memory, or look
// into other processes. Source: seccomp(2), with libseccomp.
#pragma once

namespace hearth::os {

enum class CallSet {
  kLoading,    // files can be opened for reading, and the filter be narrowed
  kComputing,  // neither
};

// Applies to all threads, for good; a second filter can only take away more. False where the kernel
// refuses. Needs no_new_privs.
bool filter_calls(CallSet set);

// Whether this kernel has such filters.
bool can_filter_calls();

}  // namespace hearth::os
