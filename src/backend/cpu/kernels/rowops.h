// SPDX-License-Identifier: MIT
// Row operations, written once over Vec (16 floats): <family>.<isa>.cpp includes vec.<isa>.h, then
// this. No fused multiply-add and fixed trees of sums: every instruction set gives the same bits.
// In, out: kernels/table.h.
#pragma once
#include "backend/cpu/kernels/table.h"

namespace hearth::cpu {
namespace {

// e^x. x = n ln 2 + r, |r| <= 0.3467: ln 2 in two parts (Cody & Waite 1980) leaves an error below
// 2^-25 in r, its Taylor polynomial of degree 7 cuts off less than 2^-27, the scaling goes in two
// steps, so that subnormal results and those near the largest float come out: within 2 units in the
// last place. Below -104 the result is 0, above 88.8 infinity; NaN stays NaN.
inline Vec vec_exp(Vec x) {
  const Vec magic = vec_set(12582912.0f);  // 1.5 * 2^23: adding it rounds to a whole number
  x = vec_min(vec_set(89.0f), vec_max(vec_set(-105.0f), x));
  const Vec n = vec_sub(vec_add(vec_mul(x, vec_set(1.44269504f)), magic), magic);
  Vec r = vec_sub(x, vec_mul(n, vec_set(0.693359375f)));  // 9 bits: n times it is exact
  r = vec_sub(r, vec_mul(n, vec_set(-2.12194440e-4f)));
  const float coefficients[] = {1.0f / 5040, 1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f};
  Vec p = vec_set(coefficients[0]);
  for (int i = 1; i < 6; ++i) p = vec_add(vec_mul(p, r), vec_set(coefficients[i]));
  const Vec e = vec_add(vec_add(vec_mul(vec_mul(r, r), p), r), vec_set(1.0f));
  return vec_scale_pow2(e, n);
}

inline Vec vec_sigmoid(Vec x) {
  const Vec one = vec_set(1.0f);
  return vec_div(one, vec_add(one, vec_exp(vec_sub(vec_zero(), x))));
}

// tanh: near 0 a polynomial in x^2, elsewhere 1 - 2 / (e^2|x| + 1).
// Coefficients: Cephes (Moshier 1992), tanhf.
inline Vec vec_tanh(Vec x) {
  const Vec magnitude = vec_abs(x), one = vec_set(1.0f);
  const Vec e = vec_exp(vec_add(magnitude, magnitude));
  const Vec far = vec_copy_sign(vec_sub(one, vec_div(vec_set(2.0f), vec_add(e, one))), x);
  const Vec square = vec_mul(x, x);
  const float coefficients[] = {-5.70498872745e-3f, 2.06390887954e-2f, -5.37397155531e-2f,
                                1.33314422036e-1f, -3.33332819422e-1f};
  Vec p = vec_set(coefficients[0]);
  for (int i = 1; i < 5; ++i) p = vec_add(vec_mul(p, square), vec_set(coefficients[i]));
  const Vec near = vec_add(vec_mul(vec_mul(p, square), x), x);
  return vec_select_less(magnitude, vec_set(0.625f), near, far);
}

// Calls op(i, n) for each piece of 16 or, at the end, n < 16 values.
template <class Op>
inline void for_pieces(int n, const Op& op) {
  int i = 0;
  for (; i + 16 <= n; i += 16) op(i, 16);
  if (i < n) op(i, n - i);
}
inline Vec load(const float* p, int n) { return n == 16 ? vec_load(p) : vec_load_n(p, n); }
inline void store(float* p, Vec v, int n) {
  if (n == 16) {
    vec_store(p, v);
  } else {
    vec_store_n(p, v, n);
  }
}

// out[i] = op(in[i]), in pieces.
template <class Op>
inline void map(const float* in, int n, float* out, const Op& op) {
  for_pieces(n, [&](int i, int m) { store(out + i, op(load(in + i, m)), m); });
}
template <class Op>
inline void map2(const float* a, const float* b, int n, float* out, const Op& op) {
  for_pieces(n, [&](int i, int m) { store(out + i, op(load(a + i, m), load(b + i, m)), m); });
}

// Sum over i of term(piece of x): 256 values in 16 float lanes, then in double, so that the
// rounding error stays below 20 units of the sum of magnitudes whatever n is.
template <class Term>
inline double sum_pieces(const float* x, int n, const Term& term) {
  double total = 0;
  for (int start = 0; start < n; start += 256) {
    const int end = start + 256 < n ? start + 256 : n;
    Vec sum = vec_zero();
    int i = start;
    for (; i + 16 <= end; i += 16) sum = vec_add(sum, term(vec_load(x + i), i, 16));
    if (i < end) sum = vec_add(sum, term(vec_load_n(x + i, end - i), i, end - i));
    total += static_cast<double>(vec_sum(sum));
  }
  return total;
}

void rms_norm(const float* x, const float* weight, float eps, int n, float* out) {
  const double squares = sum_pieces(x, n, [](Vec v, int, int) { return vec_mul(v, v); });
  const Vec factor =
      vec_set(static_cast<float>(1.0 / __builtin_sqrt(squares / n + static_cast<double>(eps))));
  if (weight == nullptr) {
    map(x, n, out, [&](Vec v) { return vec_mul(v, factor); });
  } else {
    map2(x, weight, n, out, [&](Vec v, Vec w) { return vec_mul(vec_mul(v, factor), w); });
  }
}

void layer_norm(const float* x, const float* weight, const float* bias, float eps, int n,
                float* out) {
  const Vec mean =
      vec_set(static_cast<float>(sum_pieces(x, n, [](Vec v, int, int) { return v; }) / n));
  const double squares = sum_pieces(x, n, [&](Vec v, int, int m) {
    const Vec centred = vec_sub(v, mean);
    if (m == 16) return vec_mul(centred, centred);
    float lanes[16] = {};
    vec_store_n(lanes, centred, m);  // the lanes past the end would be -mean
    return vec_mul(vec_load(lanes), vec_load(lanes));
  });
  const Vec factor =
      vec_set(static_cast<float>(1.0 / __builtin_sqrt(squares / n + static_cast<double>(eps))));
  for_pieces(n, [&](int i, int m) {
    Vec v = vec_mul(vec_sub(load(x + i, m), mean), factor);
    if (weight != nullptr) v = vec_mul(v, load(weight + i, m));
    if (bias != nullptr) v = vec_add(v, load(bias + i, m));
    store(out + i, v, m);
  });
}

void add(const float* a, const float* b, int n, float* out) { map2(a, b, n, out, vec_add); }

void add_scaled(const float* x, float scale, int n, float* out) {
  const Vec factor = vec_set(scale);
  map2(x, out, n, out, [&](Vec v, Vec sum) { return vec_add(sum, vec_mul(v, factor)); });
}

void scale(const float* x, float factor, int n, float* out) {
  const Vec f = vec_set(factor);
  map(x, n, out, [&](Vec v) { return vec_mul(v, f); });
}

void soft_cap(const float* x, float cap, int n, float* out) {
  const Vec limit = vec_set(cap);
  map(x, n, out, [&](Vec v) { return vec_mul(limit, vec_tanh(vec_div(v, limit))); });
}

template <class Act>
inline void act_mul(const float* gate, const float* up, int n, float* out, const Act& act) {
  if (up == nullptr) {
    map(gate, n, out, act);
  } else {
    map2(gate, up, n, out, [&](Vec g, Vec u) { return vec_mul(act(g), u); });
  }
}

void silu_mul(const float* gate, const float* up, int n, float* out) {
  act_mul(gate, up, n, out, [](Vec g) { return vec_mul(g, vec_sigmoid(g)); });
}

// 0.5 g (1 + tanh(u)) = g sigmoid(2 u), u = sqrt(2 / pi) (g + 0.044715 g^3).
void gelu_tanh_mul(const float* gate, const float* up, int n, float* out) {
  act_mul(gate, up, n, out, [](Vec g) {
    const Vec cubic = vec_mul(vec_mul(vec_mul(g, g), g), vec_set(0.044715f));
    return vec_mul(g, vec_sigmoid(vec_mul(vec_add(g, cubic), vec_set(1.5957691216f))));
  });
}

void swiglu_oai(const float* gate, const float* up, float alpha, float limit, int n, float* out) {
  const Vec top = vec_set(limit), bottom = vec_set(-limit), a = vec_set(alpha), one = vec_set(1.0f);
  map2(gate, up, n, out, [&](Vec g, Vec u) {
    g = vec_min(top, g);
    u = vec_max(bottom, vec_min(top, u));
    return vec_mul(vec_mul(vec_add(u, one), g), vec_sigmoid(vec_mul(a, g)));
  });
}

void rope_half(float* x, const float* cos, const float* sin, int n_pairs) {
  for_pieces(n_pairs, [&](int i, int m) {
    const Vec a = load(x + i, m), b = load(x + n_pairs + i, m);
    const Vec c = load(cos + i, m), s = load(sin + i, m);
    store(x + i, vec_sub(vec_mul(a, c), vec_mul(b, s)), m);
    store(x + n_pairs + i, vec_add(vec_mul(a, s), vec_mul(b, c)), m);
  });
}

void rope_interleaved(float* x, const float* cos, const float* sin, int n_pairs) {
  for (int i = 0; i < n_pairs; ++i) {
    const float a = x[2 * i], b = x[2 * i + 1];
    x[2 * i] = a * cos[i] - b * sin[i];
    x[2 * i + 1] = a * sin[i] + b * cos[i];
  }
}

float max(const float* x, int n) {
  // Four, because each waits for the one before it.
  Vec largest[4];
  for (Vec& v : largest) v = vec_set(-__builtin_inff());
  int i = 0;
  for (; i + 64 <= n; i += 64) {
    for (int k = 0; k < 4; ++k) largest[k] = vec_max(largest[k], vec_load(x + i + 16 * k));
  }
  for (; i + 16 <= n; i += 16) largest[0] = vec_max(largest[0], vec_load(x + i));
  float result =
      vec_max_lane(vec_max(vec_max(largest[0], largest[1]), vec_max(largest[2], largest[3])));
  for (; i < n; ++i) result = x[i] > result ? x[i] : result;
  return result;
}

float exp_sum(const float* x, float shift, int n, float* out) {
  const Vec s = vec_set(shift);
  const double sum = sum_pieces(x, n, [&](Vec v, int i, int m) {
    const Vec e = vec_exp(vec_sub(v, s));
    store(out + i, e, m);
    return m == 16 ? e : vec_load_n(out + i, m);  // lanes past the end count as 0
  });
  return static_cast<float>(sum);
}

inline void add_all_rowops(KernelTable& table) {
  table.rms_norm = rms_norm;
  table.layer_norm = layer_norm;
  table.add = add;
  table.add_scaled = add_scaled;
  table.scale = scale;
  table.soft_cap = soft_cap;
  table.silu_mul = silu_mul;
  table.gelu_tanh_mul = gelu_tanh_mul;
  table.swiglu_oai = swiglu_oai;
  table.rope_half = rope_half;
  table.rope_interleaved = rope_interleaved;
  table.max = max;
  table.exp_sum = exp_sum;
}

}  // namespace
}  // namespace hearth::cpu
