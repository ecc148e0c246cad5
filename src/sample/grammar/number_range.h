// SPDX-License-Identifier: MIT
// The numbers between two bounds as texts. Integers exactly; decimals with a few more digits after
// the point than the bounds have, and no more digits together than a double keeps apart, so that
// what is written is within the bounds also after it was read.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "sample/grammar/builder.h"

namespace hearth::sample {

// Integers of at most 18 digits.
inline constexpr int64_t kLargestInteger = 999'999'999'999'999'999;

// First and last belong to it; -kLargestInteger to kLargestInteger is no bound.
Expr integer_range(GrammarBuilder& builder, int64_t first, int64_t last);

// A number as its digits.
struct Decimal {
  bool is_negative = false;
  int64_t whole = 0;     // before the point, at most 15 digits
  std::string fraction;  // behind it, without zeros at the end

  bool is_zero() const { return whole == 0 && fraction.empty(); }
  // Empty where it has more than 15 digits before the point or 12 behind it.
  static std::optional<Decimal> of(double value);
};

struct NumberBound {
  Decimal value;
  bool is_exclusive = false;
};

Expr number_range(GrammarBuilder& builder, const std::optional<NumberBound>& low,
                  const std::optional<NumberBound>& high);

}  // namespace hearth::sample
