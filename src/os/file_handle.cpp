// SPDX-License-Identifier: MIT
#include "os/file_handle.h"

#include <unistd.h>

namespace hearth::os {

bool FileHandle::close() {
  const int fd = std::exchange(fd_, -1);
  return fd < 0 || ::close(fd) == 0;
}

}  // namespace hearth::os
