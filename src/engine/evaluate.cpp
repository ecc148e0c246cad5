// SPDX-License-Identifier: MIT
#include "engine/evaluate.h"

#include <algorithm>
#include <cmath>
#include <numeric>

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

// Each position that perplexity() counts: f(the token after it, logits after it).
template <class F>
Status each_scored(Engine& engine, std::span<const int32_t> tokens, int n_window, int32_t bos,
                   EvaluateProgress progress, const std::atomic<bool>* cancel, F&& f) {
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
  std::vector<int32_t> part;
  for (size_t w = 0; w < n_windows; ++w) {
    sequence.truncate(0);
    part.assign(tokens.begin() + static_cast<std::ptrdiff_t>(w * window),
                tokens.begin() + static_cast<std::ptrdiff_t>((w + 1) * window));
    if (bos >= 0) part[0] = bos;
    TRY(feed(engine, sequence, part, window / 2, cancel,
             [&](size_t i, std::span<const float> logits) -> Status {
               return i + 1 < window ? f(part[i + 1], logits) : Status{};
             }));
    progress(w + 1, n_windows);
  }
  return {};
}

constexpr float kLeastSaved = -16.0f;  // natural logarithm of the least probability that counts

double kl_of(std::span<const float> base, std::span<const float> logits, double normalizer) {
  double sum = 0.0;
  for (size_t v = 0; v < base.size(); ++v) {
    if (base[v] <= kLeastSaved) continue;
    const double p = static_cast<double>(base[v]), q = static_cast<double>(logits[v]) - normalizer;
    sum += std::exp(p) * (p - q);
  }
  return sum;
}

std::ptrdiff_t highest(std::span<const float> values) {
  return std::max_element(values.begin(), values.end()) - values.begin();
}

}  // namespace

double Perplexity::ppl() const { return std::exp(nll_mean); }

Result<Perplexity> perplexity(Engine& engine, std::span<const int32_t> tokens, int n_window,
                              int32_t bos, EvaluateProgress progress,
                              const std::atomic<bool>* cancel) {
  double sum = 0.0;
  int64_t count = 0;
  const auto score = [&](int32_t next, std::span<const float> logits) -> Status {
    TRY_LET(const double normalizer, sample::log_normalizer(logits));
    sum += normalizer - static_cast<double>(logits[static_cast<size_t>(next)]);
    ++count;
    return {};
  };
  TRY(each_scored(engine, tokens, n_window, bos, progress, cancel, score));
  return Perplexity{sum / static_cast<double>(count), count};
}

Result<Divergence> divergence(Engine& engine, const SavedLogprobs& saved, int32_t bos,
                              EvaluateProgress progress, const std::atomic<bool>* cancel) {
  if (engine.hparams().V != saved.n_vocab()) {
    return with_hint(invalid("the saved distributions are over {} tokens, the model has {}",
                             saved.n_vocab(), engine.hparams().V),
                     "compare a model with a run of the same model");
  }
  std::vector<float> base(static_cast<size_t>(saved.n_vocab()));
  std::vector<double> kl;
  double own_sum = 0.0, saved_sum = 0.0;
  int64_t n_same = 0;
  const auto compare = [&](int32_t next, std::span<const float> logits) -> Status {
    TRY(saved.read(static_cast<int64_t>(kl.size()), base));
    TRY_LET(const double normalizer, sample::log_normalizer(logits));
    const auto id = static_cast<size_t>(next);
    own_sum += normalizer - static_cast<double>(logits[id]);
    saved_sum -= static_cast<double>(base[id]);
    kl.push_back(kl_of(base, logits, normalizer));
    n_same += highest(base) == highest(logits) ? 1 : 0;
    return {};
  };
  TRY(each_scored(engine, saved.tokens(), saved.n_window(), bos, progress, cancel, compare));
  const auto count = static_cast<int64_t>(kl.size());
  Divergence result;
  result.own = {own_sum / static_cast<double>(count), count};
  result.saved = {saved_sum / static_cast<double>(count), count};
  result.kl_mean = std::accumulate(kl.begin(), kl.end(), 0.0) / static_cast<double>(count);
  std::sort(kl.begin(), kl.end());
  result.kl_median = kl[kl.size() / 2];
  result.kl_p99 = kl[kl.size() * 99 / 100];
  result.kl_highest = kl.back();
  result.same_top = static_cast<double>(n_same) / static_cast<double>(count);
  return result;
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
