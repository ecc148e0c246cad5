// SPDX-License-Identifier: MIT
// What a verb of the command line is. One file per verb: src/cli/<verb>.cpp defines
//   VerbInfo verb_<name>();
// and one line in verbs.inc puts it into the table. The frame (frame.cpp) parses the options, calls
// check() and run(), and turns their failures into the message, the JSON error and the exit status.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/output.h"

namespace CLI {
class App;
}

namespace hearth::cli {

// One call of a verb: its members are the options. Made, filled and run once, by one thread.
class Verb {
 public:
  virtual ~Verb() = default;
  // Declares options and arguments, bound to members. --json and --help are the frame's.
  virtual void add_options(CLI::App& app) = 0;
  // Combinations that the option parser cannot see. A failure is wrong use: exit status 2.
  virtual Status check() { return {}; }
  // The work. A failure is exit status 1 (130 when its code is kInterrupted).
  virtual Status run(Output& out) = 0;
};

struct VerbInfo {
  std::string_view name;
  std::string_view summary;   // one line, no full stop
  std::string_view examples;  // whole lines, shown below the options
  bool has_json = false;      // the frame adds --json
  bool is_internal = false;   // hearth starts it itself; the help page leaves it out
  std::unique_ptr<Verb> (*make)() = nullptr;
};

// All verbs, in the order of the help page.
std::span<const VerbInfo> all_verbs();

// make() for a Verb with a default constructor.
template <class T>
std::unique_ptr<Verb> make_verb() {
  return std::make_unique<T>();
}

// Adds the argument MODEL: a name in the store or a path to a GGUF file.
void add_model_argument(CLI::App& app, std::string& model);

// Runs `hearth ARGS…` (without the program's name) and returns the exit status.
int run_command_line(std::span<const std::string> args, std::FILE* out, std::FILE* err);

}  // namespace hearth::cli
