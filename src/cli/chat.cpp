// SPDX-License-Identifier: MIT
#include "cli/chat.h"

#include <nlohmann/json.hpp>

#include "base/units.h"
#include "cli/chat_command.h"
#include "cli/chat_state.h"
#include "cli/line_editor.h"
#include "os/dirs.h"
#include "os/interrupt.h"
#include "os/memory.h"

namespace hearth::cli {
namespace {

class Chat {
 public:
  Chat(Answerer& answerer, const RunOptions& options, os::InterruptGuard& interrupt, Output& out)
      : answerer_(answerer), options_(options), interrupt_(interrupt), out_(out) {
    if (options.system) state_.set_system(*options.system);
  }

  Status run() {
    TRY_LET(const std::filesystem::path home, os::hearth_home());
    LineEditor editor(stdin, stdout, home / "history");
    out_.note("{}: {} of context, /help shows the commands, Ctrl-D leaves", answerer_.model().name,
              answerer_.engine().n_ctx());
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
    auto result = encode();
    if (!result) {
      state_.drop_unanswered();
      return Failure(std::move(result).error());
    }
    auto answered =
        answerer_.answer(std::move(*result), [&](std::string_view part) { out_.write(part); });
    out_.line("");
    if (!answered) {
      state_.drop_unanswered();
      return Failure(std::move(answered).error());
    }
    for (const std::string& warning : answered->warnings) out_.note("{}", warning);
    state_.add_assistant(answered->text);
    last_ = std::move(*answered);
    return {};
  }

  // The conversation's tokens. Where they leave no room for an answer, the oldest turns go if the
  // user asked for that, and it is said which.
  Result<std::vector<int32_t>> encode() {
    for (;;) {
      auto tokens = answerer_.encode_messages(state_.messages());
      if (!tokens && tokens.error().code != ErrorCode::kLimit) return tokens;
      if (tokens && static_cast<int>(tokens->size()) < answerer_.engine().n_ctx()) return tokens;
      const std::optional<std::string> dropped =
          options_.context_shift ? state_.drop_oldest_turn() : std::nullopt;
      if (!dropped) {
        auto full = tokens ? over_limit("the conversation has {} tokens, the context holds {}",
                                        tokens->size(), answerer_.engine().n_ctx())
                           : Failure(tokens.error());
        return with_hint(std::move(full),
                         "/clear starts anew, -c sets a longer context, --context-shift drops the "
                         "oldest turns");
      }
      out_.note("the context is full: forgot the turn \"{}\"", printable(*dropped));
    }
  }

  void stats() {
    engine::Engine& engine = answerer_.engine();
    out_.line("model     {} on {}", answerer_.model().name, engine.backend_name());
    out_.line("loaded in {}", format_ms(answerer_.model().load_ms));
    out_.line("memory    {} cache reserved, {} work space, {} resident beside the model file",
              format_bytes(engine.kv_bytes()), format_bytes(engine.scratch_bytes()),
              format_bytes(os::anonymous_resident_bytes()));
    if (!last_) return;
    out_.line("context   {} of {} tokens", last_->n_prompt + static_cast<int>(last_->tokens.size()),
              engine.n_ctx());
    out_.line("prompt    {} tokens, {} of them from the cache, {:.1f} tokens/s", last_->n_prompt,
              last_->n_cached, last_->prefill_tps());
    out_.line("answer    {} tokens, {:.1f} tokens/s, ended by {}", last_->tokens.size(),
              last_->decode_tps(), engine::finish_reason_name(last_->finish));
  }

  Answerer& answerer_;
  const RunOptions& options_;
  os::InterruptGuard& interrupt_;
  Output& out_;
  ChatState state_;
  std::optional<engine::GenerateResult> last_;
  bool quit_ = false;
  bool was_interrupted_ = false;
};

}  // namespace

Status chat(Answerer& answerer, const RunOptions& options, os::InterruptGuard& interrupt,
            Output& out) {
  return Chat(answerer, options, interrupt, out).run();
}

}  // namespace hearth::cli
