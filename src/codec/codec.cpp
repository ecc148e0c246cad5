// SPDX-License-Identifier: MIT
#include "codec/codec.h"

#include <array>

#include "base/check.h"
#include "codec/formats.h"

namespace hearth::codec {
namespace {

struct Row {
  DType type;
  void (*decode)(const uint8_t* row, int64_t n, float* out);
};

constexpr std::array kCodecs = {
    Row{DType::kF32, decode_f32},       Row{DType::kF16, decode_f16},
    Row{DType::kBF16, decode_bf16},     Row{DType::kQ4_0, decode_q4_0},
    Row{DType::kQ4_1, decode_q4_1},     Row{DType::kQ5_0, decode_q5_0},
    Row{DType::kQ5_1, decode_q5_1},     Row{DType::kQ8_0, decode_q8_0},
    Row{DType::kQ2_K, decode_q2_k},     Row{DType::kQ3_K, decode_q3_k},
    Row{DType::kQ4_K, decode_q4_k},     Row{DType::kQ5_K, decode_q5_k},
    Row{DType::kQ6_K, decode_q6_k},     Row{DType::kIQ4_NL, decode_iq4_nl},
    Row{DType::kIQ4_XS, decode_iq4_xs}, Row{DType::kMXFP4, decode_mxfp4},
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

}  // namespace hearth::codec
