// SPDX-License-Identifier: MIT
#include "backend/ref/row_ops.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/check.h"

namespace hearth::ref {
namespace {

double at_or(std::span<const float> values, size_t i, double otherwise) {
  return values.empty() ? otherwise : values[i];
}

void check_norm(std::span<const float> x, std::span<const float> weight,
                std::span<const float> bias, int segment, std::span<float> out) {
  CHECK(segment > 0 && x.size() % static_cast<size_t>(segment) == 0 && x.size() == out.size());
  CHECK(weight.empty() || weight.size() == static_cast<size_t>(segment));
  CHECK(bias.empty() || bias.size() == static_cast<size_t>(segment));
}

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

double act_of(graph::Act act, double x) {
  switch (act) {
    case graph::Act::kSilu:
      return x * sigmoid(x);
    case graph::Act::kGeluTanh: {
      const double inner = std::sqrt(2.0 / std::numbers::pi) * (x + 0.044715 * x * x * x);
      return 0.5 * x * (1.0 + std::tanh(inner));
    }
    case graph::Act::kGeluErf:
      return 0.5 * x * (1.0 + std::erf(x / std::numbers::sqrt2));
    case graph::Act::kRelu:
      return x < 0 ? 0.0 : x;
    case graph::Act::kSwigluOai:
      break;
  }
  CHECK(!"an activation of one argument");
  return 0;
}

}  // namespace

void rms_norm(std::span<const float> x, std::span<const float> weight, float eps, int segment,
              std::span<float> out) {
  check_norm(x, weight, {}, segment, out);
  const auto n = static_cast<size_t>(segment);
  for (size_t at = 0; at < x.size(); at += n) {
    double squares = 0;
    for (size_t i = 0; i < n; ++i) squares += static_cast<double>(x[at + i]) * x[at + i];
    const double root = std::sqrt(squares / segment + eps);
    for (size_t i = 0; i < n; ++i) {
      out[at + i] = static_cast<float>(x[at + i] / root * at_or(weight, i, 1.0));
    }
  }
}

void layer_norm(std::span<const float> x, std::span<const float> weight,
                std::span<const float> bias, float eps, int segment, std::span<float> out) {
  check_norm(x, weight, bias, segment, out);
  const auto n = static_cast<size_t>(segment);
  for (size_t at = 0; at < x.size(); at += n) {
    double sum = 0;
    for (size_t i = 0; i < n; ++i) sum += x[at + i];
    const double mean = sum / segment;
    double squares = 0;
    for (size_t i = 0; i < n; ++i) squares += (x[at + i] - mean) * (x[at + i] - mean);
    const double root = std::sqrt(squares / segment + eps);
    for (size_t i = 0; i < n; ++i) {
      const double normal = (x[at + i] - mean) / root;
      out[at + i] = static_cast<float>(normal * at_or(weight, i, 1.0) + at_or(bias, i, 0.0));
    }
  }
}

void rotate(graph::PairOrder order, std::span<const float> cos, std::span<const float> sin,
            std::span<float> head) {
  const size_t n_pairs = cos.size();
  CHECK(sin.size() == n_pairs && head.size() >= 2 * n_pairs);
  const bool halves = order == graph::PairOrder::kHalves;
  for (size_t i = 0; i < n_pairs; ++i) {
    float& first = head[halves ? i : 2 * i];
    float& second = head[halves ? i + n_pairs : 2 * i + 1];
    const double a = first, b = second, c = cos[i], s = sin[i];
    first = static_cast<float>(a * c - b * s);
    second = static_cast<float>(b * c + a * s);
  }
}

void softmax(std::span<const float> x, const float* sink, std::span<float> out) {
  CHECK(x.size() == out.size());
  constexpr double kNone = -std::numeric_limits<double>::infinity();
  double largest = sink ? *sink : kNone;
  for (const float value : x) largest = std::max(largest, static_cast<double>(value));
  if (largest == kNone) {
    std::fill(out.begin(), out.end(), 0.0f);
    return;
  }
  double sum = sink ? std::exp(*sink - largest) : 0.0;
  for (const float value : x) sum += std::exp(value - largest);
  for (size_t i = 0; i < x.size(); ++i) {
    out[i] = static_cast<float>(std::exp(x[i] - largest) / sum);
  }
}

void soft_cap(std::span<const float> x, float cap, std::span<float> out) {
  CHECK(x.size() == out.size() && cap > 0);
  for (size_t i = 0; i < x.size(); ++i) {
    out[i] = static_cast<float>(cap * std::tanh(static_cast<double>(x[i]) / cap));
  }
}

void add(std::span<const float> a, std::span<const float> b, std::span<float> out) {
  CHECK(a.size() == b.size() && a.size() == out.size());
  for (size_t i = 0; i < a.size(); ++i) out[i] = a[i] + b[i];
}

void scale(std::span<const float> x, float factor, std::span<float> out) {
  CHECK(x.size() == out.size());
  for (size_t i = 0; i < x.size(); ++i) out[i] = x[i] * factor;
}

void activate(Activation activation, std::span<const float> gate, std::span<const float> up,
              std::span<float> out) {
  CHECK(gate.size() == out.size() && (up.empty() || up.size() == gate.size()));
  if (activation.act == graph::Act::kSwigluOai) {
    CHECK(!up.empty());
    const double limit = activation.limit;
    for (size_t i = 0; i < gate.size(); ++i) {
      const double g = std::min(static_cast<double>(gate[i]), limit);
      const double u = std::clamp(static_cast<double>(up[i]), -limit, limit);
      out[i] = static_cast<float>((u + 1.0) * g * sigmoid(activation.alpha * g));
    }
    return;
  }
  for (size_t i = 0; i < gate.size(); ++i) {
    out[i] = static_cast<float>(act_of(activation.act, gate[i]) * at_or(up, i, 1.0));
  }
}

float position_scale(float temperature, int floor_scale, int position) {
  CHECK(floor_scale > 0);
  const double steps = position / floor_scale;
  return static_cast<float>(1.0 + temperature * std::log(1.0 + steps));
}

}  // namespace hearth::ref
