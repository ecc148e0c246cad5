// SPDX-License-Identifier: MIT
// hearth eval perplexity|divergence|logprobs: how well a model predicts a text, how far its
// distributions are from another run's, and what it expects after each token. The figures compare
// directly with llama-perplexity's.
#include <nlohmann/json.hpp>

#include "cli/engine_options.h"
#include "cli/options.h"
#include "cli/progress_line.h"
#include "cli/run_options.h"
#include "cli/text_input.h"
#include "cli/verb.h"
#include "engine/evaluate.h"
#include "engine/rank.h"
#include "os/interrupt.h"
#include "text/tokenizer.h"

namespace hearth::cli {
namespace {

// Rows of logits of one step: at a vocabulary of 150k a row is 0.6 MB.
constexpr int kOutputs = 64;

class Eval final : public Verb {
 public:
  void add_options(CLI::App& app) override {
    add_option(app, "WHAT", what_, "perplexity, divergence or logprobs")
        .required()
        .one_of({"perplexity", "divergence", "logprobs"});
    add_model_argument(app, model_);
    add_option(app, "FILE", file_,
               "The text (- is standard input); divergence: what llama-perplexity\n"
               "--kl-divergence-base has saved");
    add_option(app, "--tokens", tokens_, "Token ids instead of a text: 1,2,3");
    add_option(app, "--top", n_top_, "logprobs: how many tokens of each position")
        .within(1, 1000)
        .shows_default();
    flags_.add_options(app);
  }

  Status check() override {
    if (file_.empty() == tokens_.empty()) {
      return with_hint(invalid("give a FILE or --tokens"), "see hearth help eval");
    }
    if (what_ == "divergence" && file_.empty()) {
      return with_hint(invalid("divergence needs a FILE of saved log-probabilities"),
                       "make one with llama-perplexity --kl-divergence-base FILE");
    }
    return flags_.check();
  }

  Status run(Output& out) override {
    const os::InterruptGuard guard;
    if (what_ == "divergence") return divergence(out);
    const bool is_perplexity = what_ == "perplexity";
    if (is_perplexity && flags_.n_ctx == 0) flags_.n_ctx = 512;  // llama-perplexity's window
    TRY_LET(const EngineSetup setup, flags_.setup(kOutputs));
    TRY_LET(const LoadedModel loaded, load_decoder(setup));
    TRY_LET(const Input input, read_tokens(loaded));
    return is_perplexity ? perplexity(loaded, input, out) : logprobs(loaded, input, out);
  }

 private:
  struct Input {
    std::vector<int32_t> tokens;
    int32_t bos = -1;  // replaces the first token of each window
  };

  Result<LoadedModel> load_decoder(const EngineSetup& setup) const {
    TRY_LET(LoadedModel loaded, load_model(model_, setup));
    if (loaded.engine->spec().encoder) {
      return unsupported("{} is {} and predicts no next token", loaded.name,
                         engine::encoder_words(*loaded.engine));
    }
    return loaded;
  }

  Result<Input> read_tokens(const LoadedModel& loaded) const {
    Input input;
    if (!tokens_.empty()) {
      TRY_LET(input.tokens, parse_token_list(tokens_));
      return input;
    }
    TRY_LET(const std::string text, read_text(file_));
    TRY_LET(const auto tokenizer, text::Tokenizer::make(loaded.file->metadata()));
    input.tokens = tokenizer->encode(text, {.add_special = true, .parse_special = false});
    if (tokenizer->adds_bos()) input.bos = tokenizer->bos();
    return input;
  }

  Status perplexity(const LoadedModel& loaded, const Input& input, Output& out) const {
    ProgressLine progress("windows", ProgressUnit::kCount);
    TRY_LET(const engine::Perplexity result,
            engine::perplexity(
                *loaded.engine, input.tokens, flags_.n_ctx, input.bos,
                [&](uint64_t done, uint64_t total) { progress.show(done, total); },
                &os::InterruptGuard::flag()));
    if (out.json()) {
      out.write_json(
          {{"ppl", result.ppl()}, {"nll_mean", result.nll_mean}, {"tokens", result.n_tokens}});
    } else {
      out.line("perplexity {:.4f} over {} tokens (windows of {}, second halves)", result.ppl(),
               result.n_tokens, flags_.n_ctx);
    }
    return {};
  }

  Status divergence(Output& out) {
    TRY_LET(const auto saved, engine::SavedLogprobs::open(file_));
    flags_.n_ctx = std::max(flags_.n_ctx, saved.n_window());
    TRY_LET(const EngineSetup setup, flags_.setup(kOutputs));
    TRY_LET(const LoadedModel loaded, load_decoder(setup));
    TRY_LET(const auto tokenizer, text::Tokenizer::make(loaded.file->metadata()));
    ProgressLine progress("windows", ProgressUnit::kCount);
    TRY_LET(const engine::Divergence result,
            engine::divergence(
                *loaded.engine, saved, tokenizer->adds_bos() ? tokenizer->bos() : -1,
                [&](uint64_t done, uint64_t total) { progress.show(done, total); },
                &os::InterruptGuard::flag()));
    if (out.json()) {
      out.write_json({{"kl_mean", result.kl_mean},
                      {"kl_median", result.kl_median},
                      {"kl_p99", result.kl_p99},
                      {"kl_max", result.kl_highest},
                      {"same_top", result.same_top},
                      {"ppl", result.own.ppl()},
                      {"saved_ppl", result.saved.ppl()},
                      {"tokens", result.own.n_tokens}});
      return {};
    }
    out.line("KL divergence: mean {:.6f}, median {:.6f}, 99 % below {:.6f}, highest {:.6f}",
             result.kl_mean, result.kl_median, result.kl_p99, result.kl_highest);
    out.line("likeliest token the same: {:.2f} % of {} (windows of {}, second halves)",
             100 * result.same_top, result.own.n_tokens, saved.n_window());
    out.line("perplexity {:.4f}, of the saved run {:.4f}", result.own.ppl(), result.saved.ppl());
    return {};
  }

  Status logprobs(const LoadedModel& loaded, const Input& input, Output& out) const {
    ProgressLine progress("tokens", ProgressUnit::kCount);
    TRY_LET(const auto positions,
            engine::logprobs(
                *loaded.engine, input.tokens, n_top_,
                [&](uint64_t done, uint64_t total) { progress.show(done, total); },
                &os::InterruptGuard::flag()));
    nlohmann::json list = nlohmann::json::array();
    for (const engine::Position& position : positions) {
      nlohmann::json top = nlohmann::json::array();
      for (const sample::TokenLogprob& entry : position.top) {
        top.push_back({{"id", entry.id}, {"logprob", entry.logprob}});
      }
      if (!out.json()) out.line("{}\t{}", position.id, json_text(top));
      list.push_back({{"id", position.id}, {"top", std::move(top)}});
    }
    if (out.json()) out.write_json({{"positions", std::move(list)}});
    return {};
  }

  std::string what_, model_, file_, tokens_;
  int n_top_ = 5;
  EngineFlags flags_;
};

}  // namespace

VerbInfo verb_eval() {
  return {.name = "eval",
          .summary =
              "Measure a model: perplexity of a text, distance from another run, log-probabilities",
          .examples =
              "hearth eval perplexity smollm2-135m book.txt -c 512\n"
              "hearth eval divergence smollm2-135m float.kld\n"
              "hearth eval logprobs smollm2-135m --tokens 1,2,3 --top 5 --json",
          .has_json = true,
          .make = make_verb<Eval>};
}

}  // namespace hearth::cli
