// SPDX-License-Identifier: MIT
// See mirostat.h.
#include "sample/mirostat.h"

#include <cmath>

#include "sample/portable_math.h"
#include "sample/stages.h"

namespace hearth::sample {
namespace {

constexpr double kLn2 = 0.6931471805599453;

double surprise_bits(double p) { return -portable_log(p) / kLn2; }

}  // namespace

Mirostat::Mirostat(MirostatVersion version, double tau, double eta, size_t n_vocab)
    : version_(version),
      tau_(tau),
      eta_(eta),
      n_vocab_(static_cast<double>(n_vocab)),
      mu_(2 * tau) {}

// Version 1: estimates the exponent s of the Zipf law from the likeliest tokens, and from it the
// number k of tokens whose average surprise is mu.
size_t Mirostat::count_for_mu(Candidates& candidates) const {
  constexpr size_t kEstimateFrom = 100;  // m of the paper
  candidates.sort_prefix(kEstimateFrom);
  double sum_tb = 0;
  double sum_tt = 0;
  for (size_t i = 0; i + 1 < std::min(kEstimateFrom, candidates.size()); ++i) {
    // Logits, not probabilities: the ratio of two that underflowed is still known.
    const double t = portable_log(static_cast<double>(i + 2) / static_cast<double>(i + 1));
    const double b = candidates[i].logit - candidates[i + 1].logit;
    if (!std::isfinite(b)) break;
    sum_tb += t * b;
    sum_tt += t * t;
  }
  if (sum_tt == 0) return 1;
  const double s = sum_tb / sum_tt;
  const double epsilon = s - 1;
  const double numerator = epsilon * portable_pow(2, mu_);
  const double denominator = 1 - portable_pow(n_vocab_, -epsilon);
  const double k = portable_pow(numerator / denominator, 1 / s);
  // An even distribution (s = 0) and s = 1 make the formula 0/0; nothing is cut then. The same for
  // a mu so large that 2^mu overflows.
  if (!std::isfinite(k) || k >= static_cast<double>(candidates.size())) return candidates.size();
  return std::max<size_t>(1, static_cast<size_t>(k));
}

Candidate Mirostat::pick(Candidates& candidates, Pcg32& rng) {
  candidates.softmax();
  const double best_before = candidates.best().p;
  if (version_ == MirostatVersion::kOne) {
    candidates.keep_first(count_for_mu(candidates));
  } else if (surprise_bits(best_before) > mu_) {
    candidates.keep_first(1);
  } else {
    const double bound = mu_;
    candidates.keep_if([bound](const Candidate& c) { return surprise_bits(c.p) <= bound; });
  }
  candidates.softmax();
  const Candidate chosen = candidates[sample::pick(candidates, rng.uniform())];
  // The ratio to the likeliest token is the same before and after the cut.
  const double before = chosen.p / candidates.best().p * best_before;
  mu_ -= eta_ * (surprise_bits(before) - tau_);
  return chosen;
}

}  // namespace hearth::sample
