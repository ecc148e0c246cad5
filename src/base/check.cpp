// SPDX-License-Identifier: MIT
#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace hearth {

void check_failed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "hearth: %s:%d: check failed: %s (this is a bug in hearth)\n", file, line,
               condition);
  std::abort();
}

}  // namespace hearth
