// SPDX-License-Identifier: MIT
// F32, F16 and BF16: one number per weight, little endian. Source: IEEE 754-2019.
#include <algorithm>
#include <bit>

#include "base/half.h"
#include "codec/formats.h"

namespace hearth::codec {

static_assert(std::endian::native == std::endian::little, "weights lie little endian");

void decode_f32(const uint8_t* row, int64_t n, float* out) {
  // copy_n, because an empty row may be a null pointer.
  std::copy_n(row, n * static_cast<int64_t>(sizeof(float)), reinterpret_cast<uint8_t*>(out));
}

void decode_f16(const uint8_t* row, int64_t n, float* out) {
  for (int64_t i = 0; i < n; ++i) out[i] = f32_from_f16(load_block<uint16_t>(row, i));
}

void decode_bf16(const uint8_t* row, int64_t n, float* out) {
  for (int64_t i = 0; i < n; ++i) out[i] = f32_from_bf16(load_block<uint16_t>(row, i));
}

void encode_f32(const float* in, const float*, int64_t n, uint8_t* row) {
  std::copy_n(reinterpret_cast<const uint8_t*>(in), n * static_cast<int64_t>(sizeof(float)), row);
}

void encode_f16(const float* in, const float*, int64_t n, uint8_t* row) {
  for (int64_t i = 0; i < n; ++i) store_block(f16_from_f32(in[i]), row, i);
}

void encode_bf16(const float* in, const float*, int64_t n, uint8_t* row) {
  for (int64_t i = 0; i < n; ++i) store_block(bf16_from_f32(in[i]), row, i);
}

}  // namespace hearth::codec
