// SPDX-License-Identifier: MIT
// Calls the command line as a user does, in this process: arguments in, exit status and both
// streams out.
#pragma once
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/json.h"
#include "cli/verb.h"

namespace hearth::test {

struct Ran {
  int status = 0;
  std::string out, err;
  nlohmann::json json() const { return parse_json(out); }
};

// All bytes of a stream that was written; closes it.
inline std::string take_text(std::FILE* file) {
  std::string text;
  std::rewind(file);
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) text += static_cast<char>(c);
  std::fclose(file);
  return text;
}

inline Ran run_hearth(const std::vector<std::string>& args) {
  std::FILE* const out = std::tmpfile();
  std::FILE* const err = std::tmpfile();
  Ran ran;
  ran.status = cli::run_command_line(args, out, err);
  ran.out = take_text(out);
  ran.err = take_text(err);
  return ran;
}

}  // namespace hearth::test
