// SPDX-License-Identifier: MIT
// hearth bench: how fast a model reads a prompt (prefill) and writes (decode), as medians over
// repetitions, with the machine that it was measured on.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/units.h"
#include "cli/engine_options.h"
#include "cli/machine.h"
#include "cli/progress_line.h"
#include "cli/verb.h"
#include "os/interrupt.h"
#include "os/memory.h"

namespace hearth::cli {
namespace {

struct Spread {
  double median = 0.0, min = 0.0, max = 0.0;
};

Spread spread_of(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  const double median =
      values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
  return {median, values.front(), values.back()};
}

nlohmann::json to_json(const Spread& s) {
  return {{"median", s.median}, {"min", s.min}, {"max", s.max}};
}

class Bench final : public Verb {
 public:
  void add_options(CLI::App& app) override {
    add_model_argument(app, model_);
    app.add_option("-p,--prompt", n_prompt_, "Tokens of the prompt")->capture_default_str();
    app.add_option("-n,--predict", n_predict_, "Tokens to write")->capture_default_str();
    app.add_option("--depth", depth_, "Tokens in the cache before either begins")
        ->capture_default_str();
    app.add_option("--reps", n_reps_, "Repetitions")->capture_default_str();
    flags_.add_options(app);
  }

  Status check() override {
    if (n_prompt_ < 0 || n_predict_ < 0 || depth_ < 0 || n_prompt_ + n_predict_ == 0 ||
        std::max({n_prompt_, n_predict_, depth_}) > 1 << 24) {
      return invalid("-p {} -n {} --depth {}", n_prompt_, n_predict_, depth_);
    }
    if (n_reps_ < 1 || n_reps_ > 1000) return invalid("{} repetitions", n_reps_);
    return flags_.check();
  }

  Status run(Output& out) override {
    const os::InterruptGuard guard;
    if (flags_.n_ctx == 0) flags_.n_ctx = std::max(depth_ + std::max(n_prompt_, n_predict_), 16);
    TRY_LET(const EngineSetup setup, flags_.setup());
    TRY_LET(const LoadedModel loaded, load_model(model_, setup));
    if (loaded.engine->spec().encoder) {
      return unsupported("{} is an embedding model: it writes no text", loaded.name);
    }
    std::vector<double> prefill, decode;
    {
      ProgressLine progress("measuring", ProgressUnit::kCount);
      // The first round warms caches and is not counted.
      for (int rep = 0; rep <= n_reps_; ++rep) {
        TRY_LET(const double prefill_tps, measure(*loaded.engine, n_prompt_, true));
        TRY_LET(const double decode_tps, measure(*loaded.engine, n_predict_, false));
        if (rep > 0 && n_prompt_ > 0) prefill.push_back(prefill_tps);
        if (rep > 0 && n_predict_ > 0) decode.push_back(decode_tps);
        progress.show(static_cast<uint64_t>(rep), static_cast<uint64_t>(n_reps_));
      }
    }
    return report(loaded, spread_of(prefill), spread_of(decode), out);
  }

 private:
  // Tokens that are all in every vocabulary and not all the same.
  static int32_t token_at(const engine::Engine& engine, int i) {
    return static_cast<int32_t>((int64_t{i} * 7919 + 13) % std::min(engine.hparams().V, 30000));
  }

  Status feed(engine::Engine& engine, engine::Sequence& sequence, int n, bool together,
              engine::Want want) const {
    std::vector<int32_t> tokens;
    for (int i = 0; i < n; ++i) tokens.push_back(token_at(engine, sequence.n_tokens() + i));
    const size_t chunk = together ? static_cast<size_t>(engine.max_batch()) : 1;
    auto rest = std::span<const int32_t>(tokens);
    while (!rest.empty()) {
      const auto part = rest.first(std::min(chunk, rest.size()));
      const engine::StepPart step{&sequence, part, want};
      TRY(engine.step({&step, 1}, &os::InterruptGuard::flag()));
      rest = rest.subspan(part.size());
    }
    return {};
  }

  // Tokens per second of n tokens after the depth, in chunks or one by one.
  Result<double> measure(engine::Engine& engine, int n, bool together) const {
    if (n == 0) return 0.0;
    TRY_LET(engine::Sequence sequence, engine.open_sequence());
    TRY(feed(engine, sequence, depth_, true, engine::Want::kNothing));
    const Stopwatch watch;
    TRY(feed(engine, sequence, n, together, engine::Want::kLast));
    return 1000.0 * n / watch.elapsed_ms();
  }

  Status report(const LoadedModel& loaded, const Spread& prefill, const Spread& decode,
                Output& out) const {
    const uint64_t beside_file = os::anonymous_resident_bytes();
    if (out.json()) {
      out.write_json({{"model", loaded.name},
                      {"prompt", n_prompt_},
                      {"predict", n_predict_},
                      {"depth", depth_},
                      {"repetitions", n_reps_},
                      {"prefill_tps", to_json(prefill)},
                      {"decode_tps", to_json(decode)},
                      {"load_ms", loaded.load_ms},
                      {"peak_rss_bytes", os::peak_resident_bytes()},
                      {"beside_file_bytes", beside_file},
                      {"kv_bytes", loaded.engine->kv_bytes()},
                      {"backend", loaded.engine->backend_name()},
                      {"machine", machine_facts()}});
      return {};
    }
    out.line("{} on {}, loaded in {}", loaded.name, loaded.engine->backend_name(),
             format_ms(loaded.load_ms));
    if (n_prompt_ > 0) {
      out.line("prefill {:4} tokens at depth {}: {:8.1f} tokens/s ({:.1f} to {:.1f})", n_prompt_,
               depth_, prefill.median, prefill.min, prefill.max);
    }
    if (n_predict_ > 0) {
      out.line("decode  {:4} tokens at depth {}: {:8.1f} tokens/s ({:.1f} to {:.1f})", n_predict_,
               depth_, decode.median, decode.min, decode.max);
    }
    out.line("memory  {} peak, {} of it beside the model file",
             format_bytes(os::peak_resident_bytes()), format_bytes(beside_file));
    return {};
  }

  std::string model_;
  int n_prompt_ = 512;
  int n_predict_ = 128;
  int depth_ = 0;
  int n_reps_ = 5;
  EngineFlags flags_;
};

}  // namespace

VerbInfo verb_bench() {
  return {.name = "bench",
          .summary = "Measure how fast a model reads and writes on this machine",
          .examples =
              "hearth bench smollm2-135m\n"
              "hearth bench qwen2.5-coder-1.5b -p 128 -n 32 --depth 4096 --json",
          .has_json = true,
          .make = make_verb<Bench>};
}

}  // namespace hearth::cli
