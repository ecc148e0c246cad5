// SPDX-License-Identifier: MIT
// See line_editor.h.
#include "cli/line_editor.h"

#include <cerrno>
#include <cstring>

#include "base/units.h"
#include "cli/edit_terminal.h"
#include "cli/line_block.h"
#include "os/terminal.h"

namespace hearth::cli {
namespace {

constexpr size_t kMaxLineBytes = 64 * kMiB;

}  // namespace

LineEditor::LineEditor(std::FILE* in, std::FILE* out, std::filesystem::path history) : in_(in) {
  const bool interactive = in == stdin && out == stdout && os::is_terminal(os::Stream::kIn) &&
                           os::is_terminal(os::Stream::kOut);
  if (interactive) terminal_ = EditTerminal::open(in, out, std::move(history));
}

LineEditor::~LineEditor() = default;

Result<Input> LineEditor::read(const std::string& prompt) {
  LineBlock block;
  const std::string go_on(prompt.size() > 4 ? prompt.size() - 4 : 0, ' ');
  while (true) {
    TRY_LET(const Input line, read_line(block.is_open() ? go_on + "... " : prompt));
    if (line.event == InputEvent::kMessage) {
      if (!block.feed(line.text)) continue;
      Input message{InputEvent::kMessage, block.take()};
      if (terminal_) terminal_->remember(message.text);
      return message;
    }
    if (line.event == InputEvent::kInterrupted && (block.is_open() || !line.text.empty())) {
      block.take();
      continue;
    }
    // The end of a file also ends a block that was left open: what was read is not lost.
    if (line.event == InputEvent::kEnd && block.is_open())
      return Input{InputEvent::kMessage, block.take()};
    return Input{line.event, {}};
  }
}

Result<Input> LineEditor::read_line(const std::string& prompt) {
  return terminal_ ? terminal_->read_line(prompt) : read_plain_line();
}

Result<Input> LineEditor::read_plain_line() {
  std::string text;
  for (int c = 0; (c = std::getc(in_)) != EOF;) {
    if (c == '\n') {
      if (text.ends_with('\r')) text.pop_back();
      return Input{InputEvent::kMessage, std::move(text)};
    }
    if (text.size() == kMaxLineBytes)
      return with_hint(over_limit("a line of input has more than {}", format_bytes(kMaxLineBytes)),
                       "break it into lines");
    text += static_cast<char>(c);
  }
  if (std::ferror(in_)) {
    const int error = errno;
    std::clearerr(in_);
    if (error == EINTR) return Input{InputEvent::kInterrupted, {}};
    return io_error("cannot read standard input: {}", std::strerror(error));
  }
  if (text.empty()) return Input{InputEvent::kEnd, {}};
  return Input{InputEvent::kMessage, std::move(text)};
}

}  // namespace hearth::cli
