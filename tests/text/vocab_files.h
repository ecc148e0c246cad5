// SPDX-License-Identifier: MIT
// Where the tests find other people's vocabularies: HEARTH_TEST_VOCABS holds ggml-vocab-*.gguf,
// HEARTH_TEST_MODELS holds a folder per model. Neither is part of the repository.
#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "base/env.h"

namespace hearth::text::test {

inline std::filesystem::path golden_dir() {
  return std::filesystem::path(HEARTH_SOURCE_DIR) / "tests" / "text" / "golden";
}

// True where a missing input is a failure (the test command), not a skip (a quick local run).
inline bool inputs_are_required() { return env("HEARTH_TEST_STRICT").value_or("0") == "1"; }

// The file of the vocabulary `name`: ggml-vocab-NAME.gguf, or the model in the folder NAME.
inline std::optional<std::filesystem::path> find_vocab_file(const std::string& name) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (const auto dir = env("HEARTH_TEST_VOCABS")) {
    const fs::path path = fs::path(*dir) / ("ggml-vocab-" + name + ".gguf");
    if (fs::exists(path, error)) return path;
  }
  if (const auto dir = env("HEARTH_TEST_MODELS")) {
    for (const auto& entry : fs::directory_iterator(fs::path(*dir) / name, error)) {
      if (entry.path().extension() == ".gguf") return entry.path();
    }
  }
  return std::nullopt;
}

}  // namespace hearth::text::test
