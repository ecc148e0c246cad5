// SPDX-License-Identifier: MIT
#include "cli/text_input.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/units.h"
#include "os/file_handle.h"

namespace hearth::cli {

Result<std::string> read_text(const std::string& path) {
  constexpr size_t kMaxBytes = kGiB;
  if (path != "-") return os::read_text_file(path, kMaxBytes);
  std::string text;
  char buffer[65536];
  while (const size_t n = std::fread(buffer, 1, sizeof buffer, stdin)) {
    if (text.size() + n > kMaxBytes) return over_limit("standard input is larger than 1 GiB");
    text.append(buffer, n);
  }
  if (std::ferror(stdin) != 0) return io_error("standard input: {}", std::strerror(errno));
  return text;
}

}  // namespace hearth::cli
