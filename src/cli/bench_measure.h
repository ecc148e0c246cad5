// SPDX-License-Identifier: MIT
// Runs the cases of hearth bench: fills the cache to the case's depth and times what follows.
#pragma once
#include <vector>

#include "base/result.h"
#include "cli/bench_options.h"
#include "engine/engine.h"
#include "graph/cost.h"

namespace hearth::cli {

// What the tokens of a case cost on average.
graph::Cost cost_per_token(const engine::Engine& engine, const BenchCase& bench_case,
                           const backend::KvFormat& kv);

// One case on an engine with room for it. Repetitions start from the same cache: it is filled once
// and cut back where the model's windows allow.
class CaseRunner {
 public:
  // Borrows the engine.
  static Result<CaseRunner> make(engine::Engine& engine, const BenchCase& bench_case);

  // Tokens per second of one repetition, of all sequences together.
  // Errors: kInterrupted, or the engine's.
  Result<double> measure();

 private:
  CaseRunner(engine::Engine& engine, const BenchCase& bench_case)
      : engine_(&engine), case_(bench_case) {}

  Status fill_to_depth();
  Status prefill(engine::Sequence& sequence, int n, engine::Want last);
  Status decode(int n);

  engine::Engine* engine_;
  BenchCase case_;
  std::vector<engine::Sequence> sequences_;
  std::vector<int32_t> tokens_;
};

}  // namespace hearth::cli
