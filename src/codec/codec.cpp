// SPDX-License-Identifier: MIT
#include "codec/codec.h"

#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "codec/formats.h"

namespace hearth::codec {
namespace {

struct Row {
  DType type;
  void (*decode)(const uint8_t* row, int64_t n, float* out);
  void (*encode)(const float* in, const float* importance, int64_t n, uint8_t* row);
  float max_weight;
};

// The largest floats that do not round to infinity.
constexpr float kLargestF16 = std::bit_cast<float>(0x477fefffu);
constexpr float kLargestBF16 = std::bit_cast<float>(0x7f7f7fffu);

constexpr std::array kCodecs = {
    Row{DType::kF32, decode_f32, encode_f32, std::numeric_limits<float>::max()},
    Row{DType::kF16, decode_f16, encode_f16, kLargestF16},
    Row{DType::kBF16, decode_bf16, encode_bf16, kLargestBF16},
    Row{DType::kQ4_0, decode_q4_0, encode_q4_0, kMaxWeight},
    Row{DType::kQ4_1, decode_q4_1, encode_q4_1, kMaxWeight},
    Row{DType::kQ5_0, decode_q5_0, encode_q5_0, kMaxWeight},
    Row{DType::kQ5_1, decode_q5_1, encode_q5_1, kMaxWeight},
    Row{DType::kQ8_0, decode_q8_0, encode_q8_0, kMaxWeight},
    Row{DType::kQ2_K, decode_q2_k, encode_q2_k, kMaxWeight},
    Row{DType::kQ3_K, decode_q3_k, encode_q3_k, kMaxWeight},
    Row{DType::kQ4_K, decode_q4_k, encode_q4_k, kMaxWeight},
    Row{DType::kQ5_K, decode_q5_k, encode_q5_k, kMaxWeight},
    Row{DType::kQ6_K, decode_q6_k, encode_q6_k, kMaxWeight},
    Row{DType::kIQ4_NL, decode_iq4_nl, encode_iq4_nl, kMaxWeight},
    Row{DType::kIQ4_XS, decode_iq4_xs, encode_iq4_xs, kMaxWeight},
    Row{DType::kMXFP4, decode_mxfp4, encode_mxfp4, kMaxWeight},
};

const Row& find(DType type) {
  for (const Row& row : kCodecs) {
    if (row.type == type) return row;
  }
  CHECK(!"every DType has a codec");
  return kCodecs[0];
}

}  // namespace

void decode_row(DType type, std::span<const uint8_t> row, std::span<float> out) {
  const auto n = static_cast<int64_t>(out.size());
  CHECK(row_bytes(type, n) == static_cast<int64_t>(row.size()));
  find(type).decode(row.data(), n, out.data());
}

Status encode_row(DType type, std::span<const float> in, std::span<uint8_t> row,
                  std::span<const float> importance) {
  const auto n = static_cast<int64_t>(in.size());
  CHECK(row_bytes(type, n) == static_cast<int64_t>(row.size()));
  CHECK(importance.empty() || importance.size() == in.size());
  const Row& codec = find(type);
  for (size_t i = 0; i < in.size(); ++i) {
    // Written so that NaN fails too.
    if (!(std::fabs(in[i]) <= codec.max_weight)) {
      return invalid("weight {} is {}, {} holds up to {}", i, in[i], info(type).name,
                     codec.max_weight);
    }
  }
  for (size_t i = 0; i < importance.size(); ++i) {
    if (!(importance[i] >= 0 && std::isfinite(importance[i]))) {
      return invalid("importance {} is {}, must be finite and not negative", i, importance[i]);
    }
  }
  codec.encode(in.data(), importance.empty() ? nullptr : importance.data(), n, row.data());
  return {};
}

}  // namespace hearth::codec
