// SPDX-License-Identifier: MIT
#include "cli/chat.h"

#include <nlohmann/json.hpp>

#include "cli/chat_command.h"
#include "cli/chat_state.h"
#include "cli/line_editor.h"
#include "os/dirs.h"
#include "os/interrupt.h"

namespace hearth::cli {
namespace {

class Chat {
 public:
  Chat(Partner& partner, const RunOptions& options, os::InterruptGuard& interrupt, Output& out)
      : partner_(partner), options_(options), interrupt_(interrupt), out_(out) {
    if (options.system) state_.set_system(*options.system);
  }

  Status run() {
    TRY_LET(const std::filesystem::path home, os::hearth_home());
    LineEditor editor(stdin, stdout, home / "history");
    const std::string context =
        partner_.n_ctx() > 0 ? fmt::format(": {} of context", partner_.n_ctx()) : "";
    out_.note("{}{}, /help shows the commands, Ctrl-D leaves", partner_.name(), context);
    while (!quit_) {
      interrupt_.clear();
      TRY_LET(const Input input, editor.read("> "));
      if (input.event == InputEvent::kEnd) break;
      if (input.event == InputEvent::kInterrupted) {
        if (was_interrupted_) break;
        was_interrupted_ = true;
        out_.note("Ctrl-C again leaves");
        continue;
      }
      was_interrupted_ = false;
      const auto parsed = parse_command(input.text);
      const Status status = parsed ? obey(*parsed) : Status(Failure(parsed.error()));
      if (!status) out_.write_error(status.error());
    }
    return {};
  }

 private:
  Status obey(const ParsedLine& line) {
    switch (line.command) {
      case ChatCommand::kMessage:
        return answer(line.argument);
      case ChatCommand::kHelp:
        out_.write(chat_help());
        return {};
      case ChatCommand::kSystem:
        system(line.argument);
        return {};
      case ChatCommand::kClear:
        state_.clear();
        return {};
      case ChatCommand::kSave:
        return state_.save(line.argument);
      case ChatCommand::kLoad:
        return load(line.argument);
      case ChatCommand::kStats:
        stats();
        return {};
      case ChatCommand::kQuit:
        quit_ = true;
        return {};
    }
    return {};
  }

  void system(const std::string& argument) {
    if (argument.empty()) {
      out_.line("{}", state_.system().empty() ? "(none)" : printable(state_.system()));
    } else {
      state_.set_system(argument == "-" ? "" : argument);
    }
  }

  Status load(const std::string& file) {
    TRY_LET(const std::vector<std::string> unused, state_.load(file));
    for (const std::string& name : unused) {
      out_.note("{}: '{}' is not used in a chat", printable(file), printable(name));
    }
    return {};
  }

  Status answer(const std::string& text) {
    if (text.find_first_not_of(" \t\r\n") == std::string::npos) return {};
    state_.add_user(text);
    bool is_begun = false;
    auto answered = ask(is_begun);
    if (answered || is_begun) out_.line("");
    if (!answered) {
      state_.drop_unanswered();
      return Failure(std::move(answered).error());
    }
    for (const std::string& warning : answered->warnings) out_.note("{}", warning);
    state_.add_assistant(answered->text);
    last_ = std::move(*answered);
    return {};
  }

  // Where the conversation leaves no room for an answer, the oldest turns go if the user asked for
  // that, and it is said which.
  Result<PartnerAnswer> ask(bool& is_begun) {
    for (;;) {
      auto answered = partner_.answer(state_.messages(), [&](std::string_view part) {
        is_begun = true;
        out_.write(part);
      });
      if (answered || answered.error().code != ErrorCode::kLimit) return answered;
      const std::optional<std::string> dropped =
          options_.context_shift ? state_.drop_oldest_turn() : std::nullopt;
      if (!dropped) {
        return with_hint(Failure(answered.error()),
                         "/clear starts anew, -c sets a longer context, --context-shift drops the "
                         "oldest turns");
      }
      out_.note("the context is full: forgot the turn \"{}\"", printable(*dropped));
    }
  }

  void stats() {
    partner_.tell(out_);
    if (!last_) return;
    out_.line("context   {} of {} tokens", last_->n_prompt + last_->n_answer,
              partner_.n_ctx() > 0 ? std::to_string(partner_.n_ctx()) : "?");
    out_.line("prompt    {} tokens, {} of them from the cache, {:.1f} tokens/s", last_->n_prompt,
              last_->n_cached, last_->prefill_tps);
    out_.line("answer    {} tokens, {:.1f} tokens/s, ended by {}", last_->n_answer,
              last_->decode_tps, last_->finish_reason);
  }

  Partner& partner_;
  const RunOptions& options_;
  os::InterruptGuard& interrupt_;
  Output& out_;
  ChatState state_;
  std::optional<PartnerAnswer> last_;
  bool quit_ = false;
  bool was_interrupted_ = false;
};

}  // namespace

Status chat(Partner& partner, const RunOptions& options, os::InterruptGuard& interrupt,
            Output& out) {
  return Chat(partner, options, interrupt, out).run();
}

}  // namespace hearth::cli
