// SPDX-License-Identifier: MIT
// The table of sampler fields, and the checked ways to set one. Flag names and defaults are those
// of llama.cpp's common/arg.cpp and common/common.h; bounds are ours.
#include "sample/params.h"

#include <charconv>
#include <cmath>

namespace hearth::sample {
namespace {

using P = SamplerParams;
constexpr int64_t kMaxCount = std::numeric_limits<int32_t>::max();
constexpr int64_t kMaxSeed = std::numeric_limits<int64_t>::max();

constexpr SamplerField kFields[] = {
    {"repeat_last_n", "--repeat-last-n", IntRange{&P::repeat_last_n, -1, kMaxCount},
     "how many of the last tokens the penalties look at; 0: none, -1: the whole context"},
    {"repeat_penalty", "--repeat-penalty", RealRange{&P::repeat_penalty, 0.01, 100},
     "divides the logit of tokens seen lately; 1: off"},
    {"presence_penalty", "--presence-penalty", RealRange{&P::presence_penalty, -100, 100},
     "subtracted once from the logit of tokens seen lately; 0: off"},
    {"frequency_penalty", "--frequency-penalty", RealRange{&P::frequency_penalty, -100, 100},
     "subtracted for each time that a token was seen lately; 0: off"},
    {"dry_multiplier", "--dry-multiplier", RealRange{&P::dry_multiplier, 0, 100},
     "strength of the penalty on longer and longer repetitions (DRY); 0: off"},
    {"dry_base", "--dry-base", RealRange{&P::dry_base, 1, 100},
     "the DRY penalty grows by this factor with each repeated token"},
    {"dry_allowed_length", "--dry-allowed-length", IntRange{&P::dry_allowed_length, 1, kMaxCount},
     "DRY leaves repetitions shorter than this alone"},
    {"dry_penalty_last_n", "--dry-penalty-last-n", IntRange{&P::dry_penalty_last_n, -1, kMaxCount},
     "how many of the last tokens DRY looks at; 0: none, -1: the whole context"},
    {"top_n_sigma", "--top-n-sigma,--top-nsigma", RealRange{&P::top_n_sigma, -1, 100},
     "keep logits within this many standard deviations of the highest; 0 or less: off"},
    {"top_k", "--top-k", IntRange{&P::top_k, -1, kMaxCount},
     "keep the k most likely tokens; 0 or less: all"},
    {"typical_p", "--typical,--typical-p", RealRange{&P::typical_p, 0, 1},
     "keep the most typical tokens up to this much probability; 1: off"},
    {"top_p", "--top-p", RealRange{&P::top_p, 0, 1},
     "keep the most likely tokens up to this much probability; 1: off"},
    {"min_p", "--min-p", RealRange{&P::min_p, 0, 1},
     "keep tokens at least this likely compared with the likeliest; 0: off"},
    {"min_keep", "--min-keep", IntRange{&P::min_keep, 0, kMaxCount},
     "no probability cut leaves fewer tokens than this"},
    {"xtc_probability", "--xtc-probability", RealRange{&P::xtc_probability, 0, 1},
     "how often the likeliest choices are excluded (XTC); 0: off"},
    {"xtc_threshold", "--xtc-threshold", RealRange{&P::xtc_threshold, 0, 1},
     "XTC excludes all tokens at least this likely but the least of them; above 0.5: off"},
    {"temperature", "--temp,--temperature", RealRange{&P::temperature, 0, 100},
     "below 1 surer, above 1 more varied; 0: always the likeliest token, nothing else applies"},
    {"dynatemp_range", "--dynatemp-range", RealRange{&P::dynatemp_range, 0, 100},
     "the temperature moves by up to this, with the entropy; 0: off"},
    {"dynatemp_exponent", "--dynatemp-exp", RealRange{&P::dynatemp_exponent, 0, 100},
     "how the entropy maps to the dynamic temperature"},
    {"mirostat", "--mirostat", IntRange{&P::mirostat, 0, 2},
     "1 or 2: hold the surprise steady instead of cutting by probability; 0: off"},
    {"mirostat_tau", "--mirostat-ent", RealRange{&P::mirostat_tau, 0, 100},
     "the surprise, in bits, that mirostat holds"},
    {"mirostat_eta", "--mirostat-lr", RealRange{&P::mirostat_eta, 0, 1},
     "how quickly mirostat corrects"},
    {"seed", "-s,--seed", IntRange{&P::seed, -1, kMaxSeed},
     "the same seed gives the same answer; -1: a random one"},
};

Failure out_of_range(const SamplerField& field, std::string_view shown) {
  return std::visit(
      [&](const auto& range) {
        return invalid("{} is {}, allowed is {} to {}", field.name, shown, range.min, range.max);
      },
      field.range);
}

Status set_real(SamplerParams& params, const SamplerField& field, double value) {
  const auto& range = std::get<RealRange>(field.range);
  // Written so that NaN is refused too.
  if (!(value >= range.min && value <= range.max))
    return out_of_range(field, fmt::format("{}", value));
  params.*range.member = value;
  return {};
}

Status set_int(SamplerParams& params, const SamplerField& field, int64_t value) {
  const auto& range = std::get<IntRange>(field.range);
  if (value < range.min || value > range.max) return out_of_range(field, fmt::format("{}", value));
  params.*range.member = value;
  return {};
}

// The whole text as one number; false where it is not one or does not fit.
template <class T>
bool parse_whole(std::string_view text, T& value) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

std::span<const SamplerField> sampler_fields() { return kFields; }

const SamplerField* find_sampler_field(std::string_view name) {
  for (const SamplerField& field : kFields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

Status set_field(SamplerParams& params, const SamplerField& field, Number value) {
  const bool wants_real = std::holds_alternative<RealRange>(field.range);
  if (const auto* integer = std::get_if<int64_t>(&value)) {
    if (wants_real) return set_real(params, field, static_cast<double>(*integer));
    return set_int(params, field, *integer);
  }
  const double real = std::get<double>(value);
  if (wants_real) return set_real(params, field, real);
  // 2^63 is the first double that int64_t does not hold; NaN fails both comparisons.
  if (!(real >= -0x1p63 && real < 0x1p63)) return out_of_range(field, fmt::format("{}", real));
  if (real != std::floor(real))
    return invalid("{} is {}, a whole number is wanted", field.name, real);
  return set_int(params, field, static_cast<int64_t>(real));
}

Status set_field_from_text(SamplerParams& params, const SamplerField& field,
                           std::string_view text) {
  if (std::holds_alternative<RealRange>(field.range)) {
    double value = 0;
    if (parse_whole(text, value)) return set_real(params, field, value);
  } else {
    int64_t value = 0;
    if (parse_whole(text, value)) return set_int(params, field, value);
  }
  return out_of_range(field, fmt::format("'{}'", text));
}

Number field_value(const SamplerParams& params, const SamplerField& field) {
  return std::visit([&](const auto& range) -> Number { return params.*range.member; }, field.range);
}

Result<LogitBias> parse_logit_bias(std::string_view text) {
  const size_t sign = text.find_first_of("+-", 1);
  LogitBias bias;
  if (sign == std::string_view::npos || !parse_whole(text.substr(0, sign), bias.id) ||
      !parse_whole(text.substr(sign), bias.bias) || bias.id < 0 || std::isnan(bias.bias) ||
      bias.bias == std::numeric_limits<double>::infinity()) {
    return with_hint(invalid("logit bias '{}' is not a token id with a bias", text),
                     "write 15043+1.5, or 15043-inf to forbid the token");
  }
  return bias;
}

Status validate(const SamplerParams& params) {
  SamplerParams scratch;
  for (const SamplerField& field : kFields)
    TRY(set_field(scratch, field, field_value(params, field)));
  for (const LogitBias& bias : params.logit_bias) {
    if (std::isnan(bias.bias) || bias.bias == std::numeric_limits<double>::infinity())
      return invalid("logit_bias of token {} is {}, allowed is any finite number or -inf", bias.id,
                     bias.bias);
  }
  return {};
}

}  // namespace hearth::sample
