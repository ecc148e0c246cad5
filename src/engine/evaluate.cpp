// SPDX-License-Identifier: MIT
#include "engine/evaluate.h"

#include <algorithm>
#include <cmath>

namespace hearth::engine {
namespace {

// Feeds `tokens` in chunks whose results fit one step; f(index of the token, logits after it).
template <class F>
Status feed(Engine& engine, Sequence& sequence, std::span<const int32_t> tokens,
            size_t first_wanted, const std::atomic<bool>* cancel, F&& f) {
  const auto chunk = static_cast<size_t>(std::min(engine.max_batch(), engine.max_outputs()));
  for (size_t begin = 0; begin < tokens.size();) {
    // Tokens whose results nobody wants go in the largest batches.
    const bool wanted = begin >= first_wanted;
    const size_t limit = wanted ? chunk : static_cast<size_t>(engine.max_batch());
    const size_t stop = wanted ? tokens.size() : first_wanted;
    const size_t n = std::min(limit, stop - begin);
    const StepPart part{&sequence, tokens.subspan(begin, n), wanted ? Want::kAll : Want::kNothing,
                        Role::kPrompt};
    TRY(engine.step({&part, 1}, cancel));
    for (size_t i = 0; wanted && i < n; ++i) {
      TRY(f(begin + i, engine.output(static_cast<int>(i))));
    }
    begin += n;
  }
  return {};
}

}  // namespace

double Perplexity::ppl() const { return std::exp(nll_mean); }

Result<Perplexity> perplexity(Engine& engine, std::span<const int32_t> tokens, int n_window,
                              int32_t bos, EvaluateProgress progress,
                              const std::atomic<bool>* cancel) {
  if (n_window < 4 || n_window > engine.n_ctx()) {
    return invalid("a window of {} tokens, it must be between 4 and the context of {}", n_window,
                   engine.n_ctx());
  }
  const auto window = static_cast<size_t>(n_window);
  const size_t n_windows = tokens.size() / window;
  if (n_windows < 1) {
    return with_hint(invalid("the text has {} tokens, a window needs {}", tokens.size(), n_window),
                     "use a longer text or a smaller window (-c)");
  }
  TRY_LET(Sequence sequence, engine.open_sequence());
  double sum = 0.0;
  int64_t count = 0;
  std::vector<int32_t> part;
  for (size_t w = 0; w < n_windows; ++w) {
    sequence.truncate(0);
    part.assign(tokens.begin() + static_cast<std::ptrdiff_t>(w * window),
                tokens.begin() + static_cast<std::ptrdiff_t>((w + 1) * window));
    if (bos >= 0) part[0] = bos;
    TRY(feed(engine, sequence, part, window / 2, cancel,
             [&](size_t i, std::span<const float> logits) -> Status {
               if (i + 1 >= window) return {};
               TRY_LET(const double normalizer, sample::log_normalizer(logits));
               sum += normalizer - static_cast<double>(logits[static_cast<size_t>(part[i + 1])]);
               ++count;
               return {};
             }));
    progress(w + 1, n_windows);
  }
  return Perplexity{sum / static_cast<double>(count), count};
}

Result<std::vector<Position>> logprobs(Engine& engine, std::span<const int32_t> tokens, int n_top,
                                       EvaluateProgress progress, const std::atomic<bool>* cancel) {
  if (tokens.empty()) return invalid("no tokens given");
  TRY_LET(Sequence sequence, engine.open_sequence());
  std::vector<Position> positions;
  positions.reserve(tokens.size());
  TRY(feed(engine, sequence, tokens, 0, cancel,
           [&](size_t i, std::span<const float> logits) -> Status {
             TRY_LET(auto top, sample::top_logprobs(logits, static_cast<size_t>(n_top)));
             positions.push_back({tokens[i], std::move(top)});
             progress(i + 1, tokens.size());
             return {};
           }));
  return positions;
}

}  // namespace hearth::engine
