// SPDX-License-Identifier: MIT
// Overflow-safe arithmetic for sizes that come from files: an overflow is an empty optional, never
// a wrapped value (RELIABILITY rule F01).
#pragma once
#include <concepts>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/check.h"

namespace hearth {

template <std::integral T>
constexpr std::optional<T> checked_add(T a, std::type_identity_t<T> b) {
  T sum;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

template <std::integral T>
constexpr std::optional<T> checked_mul(T a, std::type_identity_t<T> b) {
  T product;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

// Rounds up to a multiple of `alignment`, a power of two.
template <std::unsigned_integral T>
constexpr std::optional<T> checked_align_up(T value, std::type_identity_t<T> alignment) {
  const auto sum = checked_add<T>(value, alignment - 1);
  if (!sum) return std::nullopt;
  return *sum & ~(alignment - 1);
}

// True where `value` can be held by To unchanged.
template <std::integral To, std::integral From>
constexpr bool fits(From value) {
  return std::in_range<To>(value);
}

// Narrows a value that is known to fit; a value that does not is our own mistake.
template <std::integral To, std::integral From>
constexpr To checked_cast(From value) {
  CHECK(fits<To>(value));
  return static_cast<To>(value);
}

}  // namespace hearth
