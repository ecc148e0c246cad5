// SPDX-License-Identifier: MIT
// What a person can set about sampling: one struct, and one table that names every field with its
// bounds, its flags and its meaning. The command line, the chat and the server all read the table,
// so a field exists once. Names and defaults follow llama.cpp, which people know.
// In: numbers or texts from outside. Out: a SamplerParams in bounds, or an error that names the
// field, the value and the range.
#pragma once
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace hearth::sample {

// Added to the token's logit before everything else; -infinity forbids the token.
struct LogitBias {
  int32_t id = 0;
  double bias = 0;

  bool operator==(const LogitBias&) const = default;
};

struct SamplerParams {
  double temperature = 0.8;
  double dynatemp_range = 0;
  double dynatemp_exponent = 1;
  int64_t top_k = 40;
  double top_p = 0.95;
  double min_p = 0.05;
  double typical_p = 1;
  double top_n_sigma = -1;
  int64_t min_keep = 0;
  double xtc_probability = 0;
  double xtc_threshold = 0.1;
  double repeat_penalty = 1;
  int64_t repeat_last_n = 64;
  double presence_penalty = 0;
  double frequency_penalty = 0;
  double dry_multiplier = 0;
  double dry_base = 1.75;
  int64_t dry_allowed_length = 2;
  int64_t dry_penalty_last_n = 64;
  int64_t mirostat = 0;
  double mirostat_tau = 5;
  double mirostat_eta = 0.1;
  int64_t seed = -1;  // -1: a random one
  std::vector<LogitBias> logit_bias;
  // Texts over which DRY sees no repetition; the caller turns them into tokens (dry_breakers.h).
  std::vector<std::string> dry_sequence_breakers = {"\n", ":", "\"", "*"};

  bool operator==(const SamplerParams&) const = default;
};

struct RealRange {
  double SamplerParams::*member;
  double min, max;
};
struct IntRange {
  int64_t SamplerParams::*member;
  int64_t min, max;
};

struct SamplerField {
  std::string_view name;   // as in a request: "top_k"
  std::string_view flags;  // as on the command line, comma between spellings: "--top-k"
  std::variant<RealRange, IntRange> range;
  std::string_view help;  // one line, no full stop
};

// Every numeric field, in the order in which the chain uses them.
std::span<const SamplerField> sampler_fields();

// By name; nullptr where there is none.
const SamplerField* find_sampler_field(std::string_view name);

// A number from outside: JSON keeps integers and reals apart.
using Number = std::variant<int64_t, double>;

// Sets one field. An integer field takes a real only when it is whole. NaN and infinity are
// refused.
Status set_field(SamplerParams& params, const SamplerField& field, Number value);

// The same from text ("0.8", "-1"), the whole of which must be the number.
Status set_field_from_text(SamplerParams& params, const SamplerField& field, std::string_view text);

// The field's value now.
Number field_value(const SamplerParams& params, const SamplerField& field);

// "15043+1.5", "15043-1" or "15043-inf": the token and what is added, as llama.cpp writes it.
Result<LogitBias> parse_logit_bias(std::string_view text);

// All fields in bounds, biases neither NaN nor +infinity. Token ids are checked by Sampler::create,
// which knows the vocabulary.
Status validate(const SamplerParams& params);

}  // namespace hearth::sample
