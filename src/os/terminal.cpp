// SPDX-License-Identifier: MIT
#include "os/terminal.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <charconv>
#include <string>

#include "base/env.h"

namespace hearth::os {

bool is_terminal(Stream stream) { return ::isatty(static_cast<int>(stream)) == 1; }

int terminal_columns() {
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO, STDIN_FILENO}) {
    winsize size{};
    if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  }
  constexpr int kUsual = 80;
  const std::string text = env("COLUMNS").value_or("");
  int columns = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), columns);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole && columns > 0 && columns < 10'000 ? columns : kUsual;
}

bool wants_colour(Stream stream) {
  return is_terminal(stream) && !env("NO_COLOR") && env("TERM").value_or("dumb") != "dumb";
}

void suspend_process() { ::raise(SIGTSTP); }

}  // namespace hearth::os
