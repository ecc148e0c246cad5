// SPDX-License-Identifier: MIT
// Reads what a person types into a chat. At a terminal: line editing with libedit (arrow keys,
// history, Ctrl-R to search, pasted text of several lines as one message, Alt-Enter for a line
// break, UTF-8). Elsewhere: plain lines. Messages of several lines: see line_block.h.
// One thread; at most one editor at a time.
#pragma once
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "base/result.h"

namespace hearth::cli {

enum class InputEvent {
  kMessage,      // a whole message is in text
  kInterrupted,  // Ctrl-C on an empty prompt
  kEnd,          // Ctrl-D on an empty prompt, or the end of the file
};

struct Input {
  InputEvent event = InputEvent::kEnd;
  std::string text;
};

class EditTerminal;

class LineEditor {
 public:
  // Borrows the streams, which are standard input and output or files. `history` is the file of
  // earlier prompts; it is read and written only at a terminal.
  LineEditor(std::FILE* in, std::FILE* out, std::filesystem::path history);
  ~LineEditor();

  // The next message. `prompt` is shown at a terminal only. Ctrl-C on a line with text drops the
  // message and asks again. Fails on a read error and on a line of more than 64 MiB.
  Result<Input> read(const std::string& prompt);

  bool is_interactive() const { return terminal_ != nullptr; }

 private:
  Result<Input> read_line(const std::string& prompt);
  Result<Input> read_plain_line();

  std::FILE* in_;
  std::unique_ptr<EditTerminal> terminal_;
};

}  // namespace hearth::cli
