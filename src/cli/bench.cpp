// SPDX-License-Identifier: MIT
// hearth bench: how fast a model reads a prompt (prefill) and writes (decode), as medians over
// repetitions and as shares of what the machine can do at best, if wanted beside another program.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "backend/cpu/kernel_table.h"
#include "base/clock.h"
#include "base/function_ref.h"
#include "cli/bench_measure.h"
#include "cli/bench_report.h"
#include "cli/progress_line.h"
#include "cli/verb.h"
#include "engine/rank.h"
#include "os/cpu_info.h"
#include "os/cpu_time.h"
#include "os/interrupt.h"
#include "os/memory.h"

namespace hearth::cli {
namespace {

// The share of the processors that other programs use, from its making on.
class OthersWatch {
 public:
  OthersWatch() : start_(os::cpu_time()) {}

  // Nothing where the system does not tell, or too little time has passed for its clock.
  std::optional<double> share() const {
    constexpr double kLeastMs = 200;  // twenty ticks
    const double elapsed_ms = watch_.elapsed_ms();
    const auto now = os::cpu_time();
    if (!start_ || !now || elapsed_ms < kLeastMs) return std::nullopt;
    const double others_s = (now->all_s - start_->all_s) - (now->own_s - start_->own_s);
    return std::max(0.0, others_s / (elapsed_ms / 1000.0 * now->n_cpus));
  }

 private:
  Result<os::CpuTime> start_;
  Stopwatch watch_;
};

class Bench final : public Verb {
 public:
  void add_options(CLI::App& app) override { options_.add_options(app); }
  Status check() override { return options_.check(); }

  Status run(Output& out) override {
    const os::InterruptGuard guard;
    TRY(cpu::check_isa_choice());
    const Stopwatch opening;
    TRY_LET(LoadedModel loaded, open_model(options_.model));
    result_.load_ms = opening.elapsed_ms();
    result_.model = loaded.name;
    const int chosen = options_.engine.n_threads;
    result_.n_threads = chosen > 0 ? chosen : os::cpu_info().usable_cores;
    if (!out.json() && !options_.no_limits) out.note("measuring the machine's limits ...");
    const OthersWatch others;
    TRY(measure_limits(result_.limits.before));
    result_.others_share = others.share();
    TRY(refuse_if_busy());
    os::reset_peak_resident();
    TRY(measure_cases(loaded));
    TRY(measure_limits(result_.limits.after));
    result_.others_share = others.share();
    return report(out);
  }

 private:
  Status measure_limits(std::optional<cpu::Limits>& limits) const {
    if (options_.no_limits) return {};
    const uint64_t buffer =
        options_.buffer_mib > 0 ? options_.buffer_mib << 20 : cpu::limits_buffer_bytes();
    TRY_LET(limits, cpu::measure_limits(result_.n_threads, buffer));
    return {};
  }

  // A comparison on a busy machine is worth nothing: who is disturbed more loses.
  Status refuse_if_busy() const {
    if (options_.peers.empty() || options_.busy_ok) return {};
    const auto reasons = busy_reasons(result_);
    if (reasons.empty()) return {};
    return with_hint(over_limit("the machine is busy, no comparison: {}", fmt::join(reasons, "; ")),
                     "close other programs and try again, or add --busy-ok");
  }

  Status measure_cases(LoadedModel& loaded) {
    ProgressLine progress("measuring", ProgressUnit::kCount);
    const auto n_rounds = options_.cases.size() * (static_cast<size_t>(options_.n_reps) + 1);
    uint64_t n_done = 0;
    int depth = -1;
    for (const BenchCase& one : options_.cases) {
      if (one.depth != depth) {
        TRY(make_engine_for(loaded, one.depth));
        depth = one.depth;
      }
      TRY_LET(CaseResult result,
              measure_case(loaded, one, [&] { progress.show(++n_done, n_rounds); }));
      result_.cases.push_back(std::move(result));
      note_memory(*loaded.engine);
    }
    return {};
  }

  // An engine with room for all cases of a depth.
  Status make_engine_for(LoadedModel& loaded, int depth) {
    int n_tokens = 16, n_sequences = 1;
    for (const BenchCase& one : options_.cases) {
      if (one.depth != depth) continue;
      n_tokens = std::max(n_tokens, one.n_tokens);
      n_sequences = std::max(n_sequences, one.n_sequences);
    }
    TRY_LET(EngineSetup setup, options_.engine.setup());
    if (setup.options.n_ctx == 0) setup.options.n_ctx = depth + n_tokens;
    setup.options.n_sequences = n_sequences;
    setup.options.max_batch = std::max(setup.options.max_batch, n_sequences);
    setup.options.profile = options_.profile;
    setup.n_threads = result_.n_threads;
    kv_ = setup.options.kv;
    const Stopwatch making;
    TRY(make_engine(loaded, setup));
    if (result_.backend.empty()) result_.load_ms += making.elapsed_ms();
    result_.backend = loaded.engine->backend_name();
    if (loaded.engine->spec().encoder) {
      return unsupported("{} is {} and writes no text", loaded.name,
                         engine::encoder_words(*loaded.engine));
    }
    return {};
  }

  // Rounds of ours and, one after the other so that a drift of the machine meets both, the peer's.
  // The first round warms caches and is not counted.
  Result<CaseResult> measure_case(const LoadedModel& loaded, const BenchCase& one,
                                  FunctionRef<void()> on_round) const {
    CaseResult result{.what = one, .cost = cost_per_token(*loaded.engine, one, kv_)};
    for (const Peer& peer : options_.peers) {
      if (result.peer == nullptr && can_measure(peer, one)) result.peer = &peer;
    }
    const PeerRun peer_run{.model_path = loaded.path.string(),
                           .n_threads = result_.n_threads,
                           .cache_k = options_.engine.cache_k,
                           .cache_v = options_.engine.cache_v};
    TRY_LET(CaseRunner runner, CaseRunner::make(*loaded.engine, one));
    for (int round = 0; round <= options_.n_reps; ++round) {
      TRY_LET(const double tps, runner.measure());
      if (round > 0) result.tps.push_back(tps);
      if (round > 0 && result.peer != nullptr) {
        TRY_LET(const double peer_tps,
                measure_peer(*result.peer, one, peer_run, &os::InterruptGuard::flag()));
        result.peer_tps.push_back(peer_tps);
      }
      on_round();
    }
    result.profile = loaded.engine->profile();
    return result;
  }

  void note_memory(const engine::Engine& engine) {
    result_.beside_file_bytes = std::max(result_.beside_file_bytes, os::anonymous_resident_bytes());
    result_.peak_rss_bytes = os::peak_resident_bytes();
    result_.kv_bytes = std::max(result_.kv_bytes, engine.kv_bytes());
  }

  Status report(Output& out) const {
    if (out.json()) {
      out.write_json(bench_json(options_, result_));
    } else {
      show_bench(out, options_, result_);
    }
    for (const std::string& reason : busy_reasons(result_)) {
      out.note("the figures are not to be relied on: {}", reason);
    }
    return refuse_if_busy();
  }

  BenchOptions options_;
  BenchResult result_;
  backend::KvFormat kv_;
};

}  // namespace

VerbInfo verb_bench() {
  return {.name = "bench",
          .summary = "Measure how fast a model reads and writes on this machine",
          .examples =
              "hearth bench smollm2-135m\n"
              "hearth bench qwen2.5-coder-1.5b -p 32,128,512 --depth 0,4096 --json\n"
              "hearth bench qwen2.5-coder-1.5b -p 0 --batch 1,2,4,8\n"
              "hearth bench gemma3-270m --profile\n"
              "hearth bench gemma3-270m --against llama-bench=PATH",
          .has_json = true,
          .make = make_verb<Bench>};
}

}  // namespace hearth::cli
