// SPDX-License-Identifier: MIT
// The toy models that tests of several modules go through: tests/arch/toy_cases.txt.
#pragma once
#include <string>
#include <vector>

#include "arch/model_graph.h"
#include "file/gguf.h"
#include "tests/support/toy_model.h"

namespace hearth::test {

struct ToyCase {
  std::string name;
  ToyOptions options;
};

// All cases of the list, or an error that names the line.
Result<std::vector<ToyCase>> toy_cases(const std::string& path);

// A model that lies in memory, with its graph.
struct LoadedToy {
  std::vector<uint8_t> bytes;
  file::Gguf file;
  arch::ModelGraph model;
};
Result<LoadedToy> load_toy(const ToyOptions& options, int n_ctx = 256);

}  // namespace hearth::test
