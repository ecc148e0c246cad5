// SPDX-License-Identifier: MIT
// CHECK: a programmer's mistake ends the process with its place and reason, in every build type.
// Never for bytes from outside: a test that reaches a CHECK from outside is a bug report.
#pragma once

namespace hearth {
[[noreturn]] void check_failed(const char* file, int line, const char* condition);
}

#define CHECK(condition)                                      \
  do {                                                        \
    if (!(condition)) [[unlikely]]                            \
      ::hearth::check_failed(__FILE__, __LINE__, #condition); \
  } while (0)
