// SPDX-License-Identifier: MIT
// The program: hands its arguments to the frame.
#include <string>
#include <vector>

#include "cli/verb.h"

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + (argc > 0 ? 1 : 0), argv + argc);
  return hearth::cli::run_command_line(args, stdout, stderr);
}
