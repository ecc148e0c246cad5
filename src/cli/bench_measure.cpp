// SPDX-License-Identifier: MIT
#include "cli/bench_measure.h"

#include <algorithm>

#include "base/clock.h"
#include "os/interrupt.h"

namespace hearth::cli {
namespace {

// Tokens that are in every vocabulary and not all the same; another sequence has others.
int32_t token_at(const engine::Engine& engine, int64_t i, int64_t i_sequence) {
  const int n = std::min(engine.hparams().V, 30000);
  return static_cast<int32_t>((i * 7919 + i_sequence * 104'729 + 13) % n);
}

}  // namespace

graph::Cost cost_per_token(const engine::Engine& engine, const BenchCase& c,
                           const backend::KvFormat& kv) {
  graph::Cost sum;
  const int chunk = c.is_prefill ? engine.max_batch() : 1;
  for (int begin = 0; begin < c.n_tokens; begin += chunk) {
    const int n = std::min(chunk, c.n_tokens - begin);
    const bool has_output = begin + n == c.n_tokens || !c.is_prefill;
    const std::vector<graph::SequenceLoad> loads(static_cast<size_t>(c.n_sequences),
                                                 {c.depth + begin, n});
    sum += graph::cost_of(
        engine.graph(),
        {.sequences = loads, .n_outputs = has_output ? c.n_sequences : 0, .k = kv.k, .v = kv.v});
  }
  const double n_tokens = double(c.n_tokens) * c.n_sequences;
  return {sum.bytes / n_tokens, sum.macs / n_tokens, sum.attention_macs / n_tokens};
}

Result<CaseRunner> CaseRunner::make(engine::Engine& engine, const BenchCase& c) {
  CaseRunner runner(engine, c);
  for (int i = 0; i < c.n_sequences; ++i) {
    TRY_LET(engine::Sequence sequence, engine.open_sequence());
    runner.sequences_.push_back(std::move(sequence));
  }
  return runner;
}

Result<double> CaseRunner::measure() {
  TRY(fill_to_depth());
  engine_->reset_profile();
  const Stopwatch watch;
  if (case_.is_prefill) {
    TRY(prefill(sequences_.front(), case_.n_tokens, engine::Want::kLast));
  } else {
    TRY(decode(case_.n_tokens));
  }
  return 1000.0 * case_.n_tokens * case_.n_sequences / watch.elapsed_ms();
}

Status CaseRunner::fill_to_depth() {
  for (engine::Sequence& sequence : sequences_) {
    // A sliding window may have given its pages back: then nothing is kept and all comes anew.
    if (sequence.n_tokens() > case_.depth) sequence.truncate(case_.depth);
    const int missing = case_.depth - sequence.n_tokens();
    if (missing > 0) TRY(prefill(sequence, missing, engine::Want::kNothing));
  }
  return {};
}

Status CaseRunner::prefill(engine::Sequence& sequence, int n, engine::Want last) {
  const auto i_sequence = &sequence - sequences_.data();
  tokens_.clear();
  for (int i = 0; i < n; ++i) {
    tokens_.push_back(token_at(*engine_, int64_t{sequence.n_tokens()} + i, i_sequence));
  }
  auto rest = std::span<const int32_t>(tokens_);
  while (!rest.empty()) {
    const auto chunk =
        rest.first(std::min<size_t>(static_cast<size_t>(engine_->max_batch()), rest.size()));
    rest = rest.subspan(chunk.size());
    const engine::StepPart part{&sequence, chunk, rest.empty() ? last : engine::Want::kNothing,
                                engine::Role::kPrompt};
    TRY(engine_->step({&part, 1}, &os::InterruptGuard::flag()));
  }
  return {};
}

Status CaseRunner::decode(int n) {
  tokens_.resize(sequences_.size());
  std::vector<engine::StepPart> parts;
  for (size_t i = 0; i < sequences_.size(); ++i) {
    parts.push_back({&sequences_[i], std::span(tokens_).subspan(i, 1), engine::Want::kLast});
  }
  for (int step = 0; step < n; ++step) {
    for (size_t i = 0; i < sequences_.size(); ++i) {
      tokens_[i] = token_at(*engine_, sequences_[i].n_tokens(), static_cast<int64_t>(i));
    }
    TRY(engine_->step(parts, &os::InterruptGuard::flag()));
  }
  return {};
}

}  // namespace hearth::cli
