// SPDX-License-Identifier: MIT
// hearth log: what a server wrote about itself: models loaded and let go, processes that failed,
// refusals. No text of users is in it.
#include <chrono>
#include <thread>

#include "cli/log_reader.h"
#include "cli/options.h"
#include "cli/verb.h"
#include "os/interrupt.h"

namespace hearth::cli {
namespace {

constexpr std::chrono::milliseconds kPause{200};  // between two looks at the file

class Log final : public Verb {
 public:
  void add_options(CLI::App& app) override {
    add_option(app, "-n,--lines", n_lines_, "How many of the last lines")
        .type_name("N")
        .within(0, 1'000'000)
        .shows_default();
    add_flag(app, "-f,--follow", follows_, "Go on with what is written, until Ctrl-C");
    add_flag(app, "--path", shows_path_, "Print where the file is, and nothing else");
  }

  Status run(Output& out) override {
    TRY_LET(const std::filesystem::path file, log_file());
    if (shows_path_) {
      out.line("{}", file.string());
      return {};
    }
    os::InterruptGuard guard;
    LogReader log(file);
    TRY_LET(const std::string lines, log.last_lines(static_cast<size_t>(n_lines_)));
    out.write(lines);
    while (follows_ && !guard.pressed() && out.ok()) {
      std::this_thread::sleep_for(kPause);
      const std::string more = log.more();
      if (!more.empty()) out.write(more);
    }
    return {};
  }

 private:
  int64_t n_lines_ = 100;
  bool follows_ = false;
  bool shows_path_ = false;
};

}  // namespace

VerbInfo verb_log() {
  return {.name = "log",
          .summary = "Show what the server wrote about itself",
          .examples = "hearth log\nhearth log -n 20 --follow",
          .make = make_verb<Log>};
}

}  // namespace hearth::cli
