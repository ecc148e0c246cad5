// SPDX-License-Identifier: MIT
// See sampler.h.
#include "sample/sampler.h"

#include <algorithm>
#include <exception>
#include <limits>
#include <random>

#include "base/check.h"
#include "sample/logprobs.h"

namespace hearth::sample {
namespace {

// -1 is the whole context; more than the context is never seen.
size_t window_of(int64_t last_n, size_t n_context) {
  if (last_n < 0) return n_context;
  return std::min(static_cast<size_t>(last_n), n_context);
}

Result<uint64_t> chosen_seed(int64_t asked) {
  if (asked >= 0) return static_cast<uint64_t>(asked);
  try {
    std::random_device device;
    // 31 bits: a seed that people can read, type, and give to --seed.
    return device() & 0x7fffffffu;
  } catch (const std::exception& e) {
    return with_hint(io_error("no random numbers from the system: {}", e.what()),
                     "give a seed with --seed");
  }
}

Status check_ids(const SamplerParams& params, const SamplerModel& model) {
  const auto in_vocab = [&](int32_t id) {
    return id >= 0 && static_cast<size_t>(id) < model.n_vocab;
  };
  for (const LogitBias& b : params.logit_bias) {
    if (!in_vocab(b.id))
      return invalid("logit_bias of token {}, the vocabulary has 0 to {}", b.id, model.n_vocab - 1);
  }
  for (const TokenSequence& breaker : model.dry_breakers)
    CHECK(!breaker.empty() && std::all_of(breaker.begin(), breaker.end(), in_vocab));
  return {};
}

}  // namespace

Result<Sampler> Sampler::create(const SamplerParams& params, SamplerModel model) {
  CHECK(model.n_vocab > 0 && model.n_vocab <= std::numeric_limits<int32_t>::max());
  TRY(validate(params));
  TRY(check_ids(params, model));
  TRY_LET(const uint64_t seed, chosen_seed(params.seed));
  return Sampler(params, std::move(model), seed);
}

Sampler::Sampler(const SamplerParams& params, SamplerModel model, uint64_t seed)
    : params_(params),
      seed_(seed),
      rng_(seed),
      logits_(model.n_vocab),
      penalties_({params.repeat_penalty, params.presence_penalty, params.frequency_penalty},
                 window_of(params.repeat_last_n, model.n_context), model.n_vocab),
      dry_({params.dry_multiplier, params.dry_base, static_cast<size_t>(params.dry_allowed_length),
            window_of(params.dry_penalty_last_n, model.n_context)},
           std::move(model.dry_breakers), model.n_vocab),
      mirostat_(static_cast<MirostatVersion>(params.mirostat), params.mirostat_tau,
                params.mirostat_eta, model.n_vocab) {}

Result<Sampled> Sampler::sample(std::span<const float> logits, std::span<const uint64_t> allowed) {
  CHECK(logits.size() == logits_.size());
  TRY_LET(const float highest, checked_highest(logits));
  if (is_greedy() && allowed.empty() && keeps_logits()) {
    const auto best = std::find(logits.begin(), logits.end(), highest);
    return Sampled{static_cast<int32_t>(best - logits.begin()), 1};
  }
  std::copy(logits.begin(), logits.end(), logits_.begin());
  apply_logit_bias(logits_, params_.logit_bias);
  apply_mask(logits_, allowed);
  penalties_.apply(logits_);
  dry_.apply(logits_);
  take_candidates();
  if (candidates_.size() == 0)
    return invalid("the grammar and the logit bias together forbid every token");
  if (is_greedy()) return Sampled{candidates_[0].id, 1};
  const Candidate chosen = mirostat_.is_on() ? draw_by_mirostat() : draw_cut();
  return Sampled{chosen.id, chosen.p};
}

bool Sampler::is_greedy() const { return params_.temperature == 0 && params_.dynatemp_range == 0; }

bool Sampler::keeps_logits() const {
  return params_.logit_bias.empty() && penalties_.is_off() && dry_.is_off();
}

void Sampler::take_candidates() {
  if (is_greedy()) return candidates_.take_top(logits_, 1);
  if (mirostat_.is_on()) return candidates_.take_all(logits_);
  apply_top_n_sigma(logits_, params_.top_n_sigma);
  if (params_.top_k > 0 && static_cast<size_t>(params_.top_k) < logits_.size())
    return candidates_.take_top(logits_, static_cast<size_t>(params_.top_k));
  candidates_.take_all(logits_);
}

Candidate Sampler::draw_by_mirostat() {
  apply_dynamic_temperature(candidates_, params_.temperature, params_.dynatemp_range,
                            params_.dynatemp_exponent);
  return mirostat_.pick(candidates_, rng_);
}

Candidate Sampler::draw_cut() {
  const auto min_keep = static_cast<size_t>(params_.min_keep);
  typical_(candidates_, params_.typical_p, min_keep);
  cut_top_p(candidates_, params_.top_p, min_keep);
  cut_min_p(candidates_, params_.min_p, min_keep);
  // The draw for XTC is made only where XTC is on, so that turning it on is the only thing that
  // changes a seed's tokens.
  if (params_.xtc_probability > 0)
    cut_xtc(candidates_, rng_.uniform(), params_.xtc_probability, params_.xtc_threshold, min_keep);
  apply_dynamic_temperature(candidates_, params_.temperature, params_.dynatemp_range,
                            params_.dynatemp_exponent);
  candidates_.softmax();
  return candidates_[pick(candidates_, rng_.uniform())];
}

void Sampler::accept(int32_t id) {
  CHECK(id >= 0 && static_cast<size_t>(id) < logits_.size());
  penalties_.accept(id);
  dry_.accept(id);
}

void Sampler::reset() {
  rng_ = Pcg32(seed_);
  penalties_.clear();
  dry_.clear();
  mirostat_.clear();
}

}  // namespace hearth::sample
