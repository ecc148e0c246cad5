// SPDX-License-Identifier: MIT
// Touching a mapped file that has become shorter, or whose disk fails, is a SIGBUS (RELIABILITY
// F06). A process that holds nothing but such a file ends by it with a status that tells the parent
// what happened.
#pragma once

namespace hearth::os {

// The exit status of a process that lost a mapped file under it.
inline constexpr int kMappedFileLost = 97;

// From now on, in all threads.
void exit_when_mapped_file_is_lost();

}  // namespace hearth::os
