// SPDX-License-Identifier: MIT
#include "sample/grammar/number_range.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>
#include <vector>

namespace hearth::sample {
namespace {

constexpr int64_t kLargestWhole = 999'999'999'999'999;  // of decimals
constexpr uint32_t kDoubleDigits = 15;                  // that a double keeps apart
constexpr uint32_t kMoreDigits = 6;                     // behind the point, than the bounds have

class Digits {
 public:
  explicit Digits(GrammarBuilder& builder) : builder_(builder) {}

  Expr between(char first, char last) const {
    if (first > last) return builder_.never();
    return builder_.chars(CharSet({{static_cast<uint8_t>(first), static_cast<uint8_t>(last)}}));
  }
  Expr any(uint32_t min, uint32_t max) const {
    return builder_.repeat(between('0', '9'), min, std::max(min, max));
  }

  // From `first` to `last`, both 0 or more, without leading zeros.
  Expr whole(int64_t first, int64_t last) const {
    std::vector<Expr> ways;
    for (int64_t low = 0, high = 9;; low = high + 1, high = high * 10 + 9) {
      if (first <= high && last >= low) {
        ways.push_back(same_length(std::to_string(std::max(first, low)),
                                   std::to_string(std::min(last, high))));
      }
      if (high >= last || high > kLargestInteger / 10) break;
    }
    return builder_.choice(std::move(ways));
  }

 private:
  // Digits of equal number from `low` to `high`.
  Expr same_length(const std::string& low, const std::string& high) const {
    size_t n_same = 0;
    while (n_same < low.size() && low[n_same] == high[n_same]) ++n_same;
    const Expr same = builder_.literal(low.substr(0, n_same));
    if (n_same == low.size()) return same;
    const auto rest = static_cast<uint32_t>(low.size() - n_same - 1);
    const Expr middle = builder_.sequence(
        {between(static_cast<char>(low[n_same] + 1), static_cast<char>(high[n_same] - 1)),
         any(rest, rest)});
    return builder_.sequence({same, builder_.choice({beyond(low, n_same, '9', +1), middle,
                                                     beyond(high, n_same, '0', -1)})});
  }

  // The digits of `bound` from `at` on, or ones further towards `end` ('9' or '0').
  Expr beyond(const std::string& bound, size_t at, char end, int step) const {
    std::vector<Expr> ways{builder_.literal(bound.substr(at))};
    for (size_t i = at + 1; i < bound.size(); ++i) {
      const char next = static_cast<char>(bound[i] + step);
      const auto rest = static_cast<uint32_t>(bound.size() - i - 1);
      ways.push_back(
          builder_.sequence({builder_.literal(bound.substr(at, i - at)),
                             step > 0 ? between(next, end) : between(end, next), any(rest, rest)}));
    }
    return builder_.choice(std::move(ways));
  }

  GrammarBuilder& builder_;
};

struct Edge {
  std::string digits;  // of a fraction, without zeros at the end
  bool is_exclusive = false;
};

// Digits behind the point: what is at least one in number and within the edges.
class Fractions {
 public:
  Fractions(GrammarBuilder& builder, uint32_t most) : builder_(builder), d_(builder), most_(most) {}

  // May the fraction be left out?
  static bool none_is_least(const Edge& low) { return low.digits.empty() && !low.is_exclusive; }
  static bool none_is_most(const Edge& high) { return !high.digits.empty() || !high.is_exclusive; }

  Expr at_least(const Edge& low) const {
    const std::string& f = low.digits;
    std::vector<Expr> ways;
    for (size_t i = 0; i < f.size(); ++i) {
      ways.push_back(
          builder_.sequence({text(f.substr(0, i)), d_.between(static_cast<char>(f[i] + 1), '9'),
                             d_.any(0, left(i + 1))}));
    }
    const Expr same = text(f);
    if (low.is_exclusive) {
      for (size_t n_zeros = 0; f.size() + n_zeros < std::max<size_t>(most_, f.size() + 1);
           ++n_zeros) {
        ways.push_back(
            builder_.sequence({same, text(std::string(n_zeros, '0')), d_.between('1', '9'),
                               d_.any(0, left(f.size() + n_zeros + 1))}));
      }
    } else {
      ways.push_back(builder_.sequence({same, d_.any(f.empty() ? 1 : 0, left(f.size()))}));
    }
    return builder_.choice(std::move(ways));
  }

  Expr at_most(const Edge& high) const {
    const std::string& f = high.digits;
    std::vector<Expr> ways;
    for (size_t i = 0; i < f.size(); ++i) {
      if (i > 0) ways.push_back(text(f.substr(0, i)));
      ways.push_back(
          builder_.sequence({text(f.substr(0, i)), d_.between('0', static_cast<char>(f[i] - 1)),
                             d_.any(0, left(i + 1))}));
    }
    if (!high.is_exclusive)
      ways.push_back(
          builder_.sequence({text(f), builder_.repeat(text("0"), f.empty() ? 1 : 0, 1)}));
    return builder_.choice(std::move(ways));
  }

  // With low < high as numbers.
  Expr between(const Edge& low, const Edge& high) const {
    size_t n_same = 0;
    while (n_same < low.digits.size() && low.digits[n_same] == high.digits[n_same]) ++n_same;
    const char low_digit = n_same < low.digits.size() ? low.digits[n_same] : '0';
    const char high_digit = high.digits[n_same];
    const Edge low_rest{low.digits.size() > n_same ? low.digits.substr(n_same + 1) : "",
                        low.is_exclusive};
    const Edge high_rest{high.digits.substr(n_same + 1), high.is_exclusive};
    std::vector<Expr> ways;
    ways.push_back(builder_.sequence(
        {d_.between(static_cast<char>(low_digit + 1), static_cast<char>(high_digit - 1)),
         d_.any(0, left(n_same + 1))}));
    if (low_digit == high_digit) {
      // Only where the low edge has no more digits and the high one goes on with zeros.
      ways.push_back(builder_.sequence(
          {text(std::string(1, low_digit)), between({"", low.is_exclusive}, high_rest)}));
      if (none_is_least(low_rest)) ways.push_back(text(std::string(1, low_digit)));
    } else {
      ways.push_back(with(low_digit, at_least(low_rest), none_is_least(low_rest)));
      ways.push_back(with(high_digit, at_most(high_rest), none_is_most(high_rest)));
    }
    // What the low edge is by itself, without zeros behind it.
    if (n_same > 0 && n_same == low.digits.size() && !low.is_exclusive)
      ways.push_back(builder_.empty());
    return builder_.sequence(
        {text(low.digits.substr(0, n_same)), builder_.choice(std::move(ways))});
  }

 private:
  Expr text(const std::string& digits) const { return builder_.literal(digits); }
  Expr with(char digit, Expr rest, bool rest_is_optional) const {
    if (rest_is_optional) rest = builder_.choice({builder_.empty(), rest});
    return builder_.sequence({text(std::string(1, digit)), rest});
  }
  uint32_t left(size_t used) const {
    return used < most_ ? most_ - static_cast<uint32_t>(used) : 0;
  }

  GrammarBuilder& builder_;
  Digits d_;
  uint32_t most_;
};

// Numbers of 0 or more between two that are not negative.
class Decimals {
 public:
  explicit Decimals(GrammarBuilder& builder) : builder_(builder), d_(builder) {}

  Expr between(const NumberBound& low, const NumberBound& high) const {
    const int64_t a = low.value.whole;
    const int64_t b = high.value.whole;
    const Edge low_edge{low.value.fraction, low.is_exclusive};
    const Edge high_edge{high.value.fraction, high.is_exclusive};
    const auto longest =
        static_cast<uint32_t>(std::max(low_edge.digits.size(), high_edge.digits.size()));
    const Fractions least(builder_, most_behind(a, longest));
    const Fractions most(builder_, most_behind(b, longest));
    if (a > b) return builder_.never();
    if (a == b) return on_one_whole(a, low_edge, high_edge, least);
    std::vector<Expr> ways;
    ways.push_back(number(a, Fractions::none_is_least(low_edge), least.at_least(low_edge)));
    ways.push_back(number(b, Fractions::none_is_most(high_edge), most.at_most(high_edge)));
    for (int64_t first = a + 1; first < b;) {
      const uint32_t digits = most_behind(first, longest);
      int64_t last = first;  // the largest with as much room behind the point
      while (last < b - 1 && most_behind(last, longest) == digits)
        last = std::min(b - 1, following_power(last));
      if (most_behind(last, longest) != digits) --last;
      const Expr fraction = builder_.sequence({builder_.literal("."), d_.any(1, digits)});
      ways.push_back(builder_.sequence({d_.whole(first, last), builder_.optional(fraction)}));
      first = last + 1;
    }
    return builder_.choice(std::move(ways));
  }

 private:
  // The digits behind the point of a number, where an edge has `longest`.
  static uint32_t most_behind(int64_t whole, uint32_t longest) {
    const auto n_whole = static_cast<uint32_t>(std::to_string(whole).size());
    const uint32_t room = n_whole < kDoubleDigits ? kDoubleDigits - n_whole : 0;
    return std::max({1u, longest, std::min(room, longest + kMoreDigits)});
  }
  // The least number that has a digit more.
  static int64_t following_power(int64_t whole) {
    int64_t power = 10;
    while (power <= whole) power *= 10;
    return power;
  }

  Expr on_one_whole(int64_t whole, const Edge& low, const Edge& high,
                    const Fractions& fractions) const {
    if (low.digits == high.digits) {
      if (low.is_exclusive || high.is_exclusive) return builder_.never();
      return builder_.literal(low.digits.empty() ? std::to_string(whole)
                                                 : fmt::format("{}.{}", whole, low.digits));
    }
    if (low.digits > high.digits) return builder_.never();
    return number(whole, Fractions::none_is_least(low), fractions.between(low, high));
  }

  Expr number(int64_t whole, bool alone, Expr fraction) const {
    Expr rest = builder_.sequence({builder_.literal("."), fraction});
    if (alone) rest = builder_.choice({builder_.empty(), rest});
    return builder_.sequence({builder_.literal(std::to_string(whole)), rest});
  }

  GrammarBuilder& builder_;
  Digits d_;
};

NumberBound magnitude(NumberBound bound) {
  bound.value.is_negative = false;
  return bound;
}

}  // namespace

Expr integer_range(GrammarBuilder& builder, int64_t first, int64_t last) {
  const Digits digits(builder);
  std::vector<Expr> ways;
  if (first < 0) {
    ways.push_back(
        builder.sequence({builder.literal("-"), digits.whole(last < 0 ? -last : 1, -first)}));
  }
  if (last >= 0) ways.push_back(digits.whole(std::max<int64_t>(first, 0), last));
  return first > last ? builder.never() : builder.choice(std::move(ways));
}

std::optional<Decimal> Decimal::of(double value) {
  if (!(std::fabs(value) <= static_cast<double>(kLargestWhole))) return std::nullopt;
  // The shortest digits that read back as the same number; below 1e-5 with an exponent.
  std::string digits = fmt::format("{}", std::fabs(value));
  if (digits.find('e') != std::string::npos) {
    digits = fmt::format("{:.12f}", std::fabs(value));
    if (std::strtod(digits.c_str(), nullptr) != std::fabs(value)) return std::nullopt;
  }
  Decimal made;
  made.is_negative = value < 0;
  made.whole = static_cast<int64_t>(std::fabs(value));
  const size_t point = digits.find('.');
  if (point != std::string::npos) made.fraction = digits.substr(point + 1);
  made.fraction.erase(made.fraction.find_last_not_of('0') + 1);
  if (made.fraction.size() > 12) return std::nullopt;
  return made;
}

Expr number_range(GrammarBuilder& builder, const std::optional<NumberBound>& low,
                  const std::optional<NumberBound>& high) {
  const NumberBound least = low.value_or(NumberBound{{true, kLargestWhole, ""}, false});
  const NumberBound most = high.value_or(NumberBound{{false, kLargestWhole, ""}, false});
  const Decimals decimals(builder);
  const NumberBound zero{};
  std::vector<Expr> ways;
  if (least.value.is_negative) {
    const NumberBound nearest =
        most.value.is_negative ? magnitude(most) : NumberBound{Decimal{}, true};
    ways.push_back(
        builder.sequence({builder.literal("-"), decimals.between(nearest, magnitude(least))}));
  }
  if (!most.value.is_negative)
    ways.push_back(decimals.between(least.value.is_negative ? zero : least, most));
  return builder.choice(std::move(ways));
}

}  // namespace hearth::sample
