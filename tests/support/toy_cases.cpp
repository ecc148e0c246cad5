// SPDX-License-Identifier: MIT
#include "tests/support/toy_cases.h"

#include <fstream>
#include <sstream>

namespace hearth::test {

Result<std::vector<ToyCase>> toy_cases(const std::string& path) {
  std::ifstream in(path);
  if (!in) return not_found("no file '{}'", path);
  std::vector<ToyCase> cases;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream text(line);
    ToyCase c;
    text >> c.name >> c.options.arch;
    std::vector<std::string> words;
    for (std::string word; text >> word;) words.push_back(word);
    TRY(within(c.name, read_toy_options(words, c.options)));
    cases.push_back(std::move(c));
  }
  return cases;
}

Result<LoadedToy> load_toy(const ToyOptions& options, int n_ctx) {
  TRY_LET(const ToyModel toy, make_toy_model(options));
  LoadedToy loaded;
  TRY_LET(loaded.bytes, toy.bytes());
  TRY_LET(loaded.file, file::Gguf::parse(loaded.bytes));
  TRY_LET(loaded.model, arch::build_model(loaded.file, n_ctx));
  return loaded;
}

}  // namespace hearth::test
