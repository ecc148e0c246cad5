// SPDX-License-Identifier: MIT
// Files that the tests need and the repository does not hold. scripts/prepare_inputs fetches and
// makes them in build/inputs (docs/testing.md); HEARTH_TEST_INPUTS names another folder.
//   models/<name>/model.gguf  real models          vocabs/ggml-vocab-*.gguf  vocabularies
//   templates/*.jinja         real chat templates  goldens/*  what the originals make of them
#pragma once
#include <gtest/gtest.h>

#include <filesystem>
#include <system_error>

#include "base/env.h"
#include "tests/support/paths.h"

namespace hearth::test {

inline std::filesystem::path input(const std::filesystem::path& name) {
  return std::filesystem::path(env("HEARTH_TEST_INPUTS").value_or(test::default_inputs())) / name;
}

inline bool is_there(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

}  // namespace hearth::test

// First line of a test that reads `path`, which input() made: without the file the test is skipped,
// and fails under ./test, where nothing may be missing.
#define HEARTH_NEEDS_INPUT(path)                                                          \
  do {                                                                                    \
    if (::hearth::test::is_there(path)) break;                                            \
    if (::hearth::env("HEARTH_TEST_STRICT")) FAIL() << (path) << " is missing";           \
    GTEST_SKIP() << (path) << " is missing: scripts/prepare_inputs fetches and makes it"; \
  } while (0)
