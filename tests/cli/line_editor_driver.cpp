// SPDX-License-Identifier: MIT
// Runs the line editor for line_editor_pty_test.py: line_editor_driver HISTORY EVENTS. Each event
// becomes a line of JSON in the file EVENTS.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/line_editor.h"
#include "cli/output.h"

int main(int argc, char** argv) {
  using namespace hearth::cli;
  if (argc != 3) return 2;
  std::FILE* events = std::fopen(argv[2], "w");
  if (events == nullptr) return 1;
  Output out(events, stderr, true);
  LineEditor editor(stdin, stdout, argv[1]);
  while (true) {
    const auto input = editor.read(">>> ");
    if (!input) {
      out.write_error(input.error());
      return 1;
    }
    const bool message = input->event == InputEvent::kMessage;
    const bool end = input->event == InputEvent::kEnd;
    out.write_json({{"event", message ? "message"
                              : end   ? "end"
                                      : "interrupted"},
                    {"text", input->text},
                    {"interactive", editor.is_interactive()}});
    if (end) return 0;
  }
}
