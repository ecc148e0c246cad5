// SPDX-License-Identifier: MIT
// make_toy_model ARCH OUT.gguf [OPTIONS of toy_options.cpp]
// Writes a toy model (toy_model.h) for scripts. Exit status 0, 1 (failed), 2 (wrong use).
#include <cstdio>

#include "tests/support/toy_model.h"

namespace hearth::test {
namespace {

int run(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: make_toy_model ARCH OUT.gguf [options]\n", stderr);
    return 2;
  }
  ToyOptions options{.arch = argv[1]};
  if (const Status read = read_toy_options({argv + 3, argv + argc}, options); !read) {
    fmt::print(stderr, "make_toy_model: {}\n", read.error().message);
    return 2;
  }
  const auto model = make_toy_model(options);
  const Status written = model ? model->write(argv[2]) : Status(Failure(model.error()));
  if (written) return 0;
  fmt::print(stderr, "make_toy_model: {}\n", written.error().message);
  return 1;
}

}  // namespace
}  // namespace hearth::test

int main(int argc, char** argv) { return hearth::test::run(argc, argv); }
