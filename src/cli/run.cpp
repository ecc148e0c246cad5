// SPDX-License-Identifier: MIT
// hearth run: answers a prompt, or opens a chat where there is none and a person sits at a
// terminal.
#include <nlohmann/json.hpp>

#include "base/env.h"
#include "cli/answer.h"
#include "cli/chat.h"
#include "cli/options.h"
#include "cli/server_partner.h"
#include "cli/text_input.h"
#include "cli/verb.h"
#include "os/interrupt.h"
#include "os/terminal.h"

namespace hearth::cli {
namespace {

class Run final : public Verb {
 public:
  void add_options(CLI::App& app) override {
    parser_.add_to(app);
    add_flag(app, "--reference", reference_,
             "Run the slow exact reference instead of the kernels (to check answers)");
    add_flag(app, "--local", local_,
             "Load the model here although a server runs (as --raw, --tokens, --logprobs, -t, "
             "--cache-type-k and --reference do)");
  }

  Status check() override {
    TRY_LET(options_, parser_.finish());
    return {};
  }

  Status run(Output& out) override {
    const bool is_chat = !options_.prompt && !options_.tokens && os::is_terminal(os::Stream::kIn);
    if (is_chat && (out.json() || options_.raw)) {
      return with_hint(invalid("no prompt"), "give PROMPT, or text on standard input");
    }
    os::InterruptGuard guard;
    if (const auto server = find_server(out)) {
      out.note("{} answers, at the server {} (--local loads it here)", options_.model,
               server->url());
      return is_chat ? chat(*server, options_, guard, out) : answer_once(*server, out);
    }
    TRY_LET(const auto answerer, Answerer::make(options_, reference_));
    for (const std::string& warning : answerer->engine().warnings()) out.note("{}", warning);
    if (!is_chat) return answer_once(*answerer, out);
    LocalPartner partner(*answerer);
    return chat(partner, options_, guard, out);
  }

 private:
  std::unique_ptr<ServerPartner> find_server(Output& out) const {
    // Which kernels compute is a matter of the process.
    if (local_ || reference_ || needs_own_process(options_) || env("HEARTH_ISA")) return nullptr;
    return ServerPartner::find(options_, out);
  }

  Status answer_once(ServerPartner& server, Output& out) const {
    TRY_LET(const auto messages, read_messages());
    TRY_LET(const PartnerAnswer answer, server.answer(messages, [&](std::string_view text) {
      if (!out.json()) out.write(text);
    }));
    if (out.json()) {
      out.write_json(server.json_of(answer));
    } else {
      out.line("");
      for (const std::string& warning : answer.warnings) out.note("{}", printable(warning));
    }
    if (answer.finish_reason == "interrupted") return interrupted("interrupted");
    return {};
  }

  Status answer_once(Answerer& answerer, Output& out) const {
    TRY_LET(std::vector<int32_t> prompt, encode_prompt(answerer));
    TRY_LET(engine::GenerateResult result,
            answerer.answer(std::move(prompt), [&](std::string_view text) {
              if (!out.json()) out.write(text);
            }));
    if (out.json()) {
      const auto context_warnings = answerer.engine().warnings();
      result.warnings.insert(result.warnings.begin(), context_warnings.begin(),
                             context_warnings.end());
      out.write_json(answer_json(result, answerer.model().load_ms));
    } else {
      out.line("");
      for (const std::string& warning : result.warnings) out.note("{}", warning);
    }
    if (result.finish == engine::FinishReason::kInterrupted) return interrupted("interrupted");
    return {};
  }

  Result<std::vector<int32_t>> encode_prompt(Answerer& answerer) const {
    if (options_.tokens) return *options_.tokens;
    if (options_.raw) {
      TRY_LET(const std::string text, read_prompt());
      return answerer.encode_raw(text);
    }
    TRY_LET(const auto messages, read_messages());
    return answerer.encode_messages(messages);
  }

  Result<std::string> read_prompt() const {
    if (options_.prompt) return *options_.prompt;
    TRY_LET(std::string text, read_text("-"));
    if (text.ends_with('\n')) text.pop_back();
    return text;
  }

  Result<nlohmann::ordered_json> read_messages() const {
    TRY_LET(const std::string text, read_prompt());
    nlohmann::ordered_json messages = nlohmann::ordered_json::array();
    if (options_.system) messages.push_back({{"role", "system"}, {"content", *options_.system}});
    messages.push_back({{"role", "user"}, {"content", text}});
    return messages;
  }

  RunOptionParser parser_;
  RunOptions options_;
  bool reference_ = false;
  bool local_ = false;
};

}  // namespace

VerbInfo verb_run() {
  return {.name = "run",
          .summary = "Chat with a model, or answer one prompt",
          .examples =
              "hearth run smollm2-135m\n"
              "hearth run smollm2-135m \"Why is the sky blue?\"\n"
              "hearth run qwen2.5-coder-1.5b --temp 0 -n 200 < question.txt\n"
              "hearth run ./model.gguf --raw \"Once upon a time\"",
          .has_json = true,
          .make = make_verb<Run>};
}

}  // namespace hearth::cli
