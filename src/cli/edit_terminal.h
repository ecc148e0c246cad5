// SPDX-License-Identifier: MIT
// One line at a terminal through libedit, with the keys that a chat wants.
// libedit needs a UTF-8 locale for characters: LC_CTYPE of the process is set to the user's, or to
// C.UTF-8 where that is not UTF-8. Numbers are not affected.
#pragma once
#include <histedit.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "cli/line_editor.h"
#include "cli/prompt_history.h"

namespace hearth::cli {

class EditTerminal {
 public:
  // nullptr where libedit cannot use this terminal.
  static std::unique_ptr<EditTerminal> open(std::FILE* in, std::FILE* out,
                                            std::filesystem::path history);
  ~EditTerminal();
  EditTerminal(const EditTerminal&) = delete;
  EditTerminal& operator=(const EditTerminal&) = delete;

  // kInterrupted has the text that was on the line.
  Input read_line(const std::string& prompt);

  // For the arrow keys, now and in later chats.
  void remember(const std::string& text);

 private:
  EditTerminal(std::FILE* out, std::filesystem::path history);
  void bind_keys();
  void load_history();

  static EditTerminal& of(EditLine* editor);
  static char* show_prompt(EditLine* editor);
  static unsigned char on_interrupt(EditLine* editor, int key);
  static unsigned char on_paste(EditLine* editor, int key);
  static unsigned char on_suspend(EditLine* editor, int key);
  static unsigned char on_line_break(EditLine* editor, int key);

  std::FILE* out_;
  PromptHistory saved_;
  EditLine* editor_ = nullptr;
  ::History* history_ = nullptr;
  std::string prompt_;
  std::string dropped_;  // what was on the line when Ctrl-C came
  bool interrupted_ = false;
  bool bracketed_paste_ = false;
};

}  // namespace hearth::cli
