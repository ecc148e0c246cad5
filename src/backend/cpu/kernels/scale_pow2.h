// SPDX-License-Identifier: MIT
// vec_scale_pow2 for instruction sets without an instruction for it; included by their vec.<isa>.h
// after vec_pow2.
#pragma once

namespace hearth::cpu {
namespace {

// x * 2^n, rounded once, for whole n in [-152, 129] and x near 1: in two factors, because 2^n alone
// may be no normal number.
inline Vec vec_scale_pow2(Vec x, Vec n) {
  const Vec magic = vec_set(12582912.0f);  // 1.5 * 2^23: adding it rounds to a whole number
  const Vec half = vec_add(vec_mul(n, vec_set(0.5f)), magic);
  const Vec rest = vec_add(vec_sub(n, vec_sub(half, magic)), magic);
  return vec_mul(vec_mul(x, vec_pow2(half)), vec_pow2(rest));
}

}  // namespace
}  // namespace hearth::cpu
