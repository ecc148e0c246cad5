// SPDX-License-Identifier: MIT
// A model file that lies (a recipe of tests/support/hostile_model.h): an engine that takes steps on
// both backends, or an error that says what is wrong with the file, in bounded time and space.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "tests/support/hostile_model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = hearth::test::hostile_model({reinterpret_cast<const char*>(data), size});
  if (!bytes) return 0;
  const hearth::Status status = hearth::test::run_hostile_model(*bytes);
  if (status) return 0;
  const hearth::Error& error = status.error();
  if (error.code == hearth::ErrorCode::kInternal || error.message.empty()) std::abort();
  return 0;
}
