// SPDX-License-Identifier: MIT
#include "os/host.h"

#include <cstdint>
#include <cstring>

namespace hearth::os {

Status check_host() {
  // Asked of the running machine, not of the compiler: a wrongly set up cross build is caught too.
  const volatile uint32_t number = 1;
  const uint32_t copy = number;
  uint8_t first = 0;
  std::memcpy(&first, &copy, 1);
  if (first != 1) return unsupported("this machine is big endian, model files are little endian");
  return {};
}

}  // namespace hearth::os
