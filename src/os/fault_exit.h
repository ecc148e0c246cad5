// SPDX-License-Identifier: MIT
// Touching a mapped file that has become shorter, or whose disk fails, is a SIGBUS (RELIABILITY
// F06). A process that holds nothing but such a file ends by it with a status that tells the parent
// what happened. Where the system allows it (fcntl(2), F_SETLEASE: the user's own files, which
// nobody has open to write), it ends before anybody else can write to the file, not when it reads
// what is no longer there: whoever opens it to write waits until the process is gone. So a file
// that is written over in place, not shortened, gives no wrong answers either.
#pragma once

#include "os/file_handle.h"

namespace hearth::os {

// The exit status of a process that lost a mapped file under it.
inline constexpr int kMappedFileLost = 97;

// From now on, in all threads, for files that are mapped from now on.
void exit_when_mapped_file_is_lost();

// For MappedFile: asks for the lease where this process is one that exits so; false where there is
// none. It lasts as long as the file is open or mapped.
bool hold_mapped_file(const FileHandle& file);

}  // namespace hearth::os
