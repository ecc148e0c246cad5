// SPDX-License-Identifier: MIT
// The decoders and encoders of the single formats, inside codec/: codec.cpp puts them into its
// table. `n` is a whole number of blocks; rows need no alignment.
#pragma once
#include <cstdint>
#include <cstring>

namespace hearth::codec {

void decode_f32(const uint8_t* row, int64_t n, float* out);
void decode_f16(const uint8_t* row, int64_t n, float* out);
void decode_bf16(const uint8_t* row, int64_t n, float* out);
void decode_q4_0(const uint8_t* row, int64_t n, float* out);
void decode_q4_1(const uint8_t* row, int64_t n, float* out);
void decode_q5_0(const uint8_t* row, int64_t n, float* out);
void decode_q5_1(const uint8_t* row, int64_t n, float* out);
void decode_q8_0(const uint8_t* row, int64_t n, float* out);
void decode_q2_k(const uint8_t* row, int64_t n, float* out);
void decode_q3_k(const uint8_t* row, int64_t n, float* out);
void decode_q4_k(const uint8_t* row, int64_t n, float* out);
void decode_q5_k(const uint8_t* row, int64_t n, float* out);
void decode_q6_k(const uint8_t* row, int64_t n, float* out);
void decode_iq4_nl(const uint8_t* row, int64_t n, float* out);
void decode_iq4_xs(const uint8_t* row, int64_t n, float* out);
void decode_mxfp4(const uint8_t* row, int64_t n, float* out);

// Every weight is finite and at most max_weight (codec.cpp) in magnitude; importance may be null.
void encode_f32(const float* in, const float* importance, int64_t n, uint8_t* row);
void encode_f16(const float* in, const float* importance, int64_t n, uint8_t* row);
void encode_bf16(const float* in, const float* importance, int64_t n, uint8_t* row);
void encode_q4_0(const float* in, const float* importance, int64_t n, uint8_t* row);
void encode_q4_1(const float* in, const float* importance, int64_t n, uint8_t* row);
void encode_q5_0(const float* in, const float* importance, int64_t n, uint8_t* row);
void encode_q5_1(const float* in, const float* importance, int64_t n, uint8_t* row);
void encode_q8_0(const float* in, const float* importance, int64_t n, uint8_t* row);
void encode_q2_k(const float* in, const float* importance, int64_t n, uint8_t* row);
void encode_q3_k(const float* in, const float* importance, int64_t n, uint8_t* row);
void encode_q4_k(const float* in, const float* importance, int64_t n, uint8_t* row);
void encode_q5_k(const float* in, const float* importance, int64_t n, uint8_t* row);
void encode_q6_k(const float* in, const float* importance, int64_t n, uint8_t* row);
void encode_iq4_nl(const float* in, const float* importance, int64_t n, uint8_t* row);
void encode_iq4_xs(const float* in, const float* importance, int64_t n, uint8_t* row);
void encode_mxfp4(const float* in, const float* importance, int64_t n, uint8_t* row);

// Block `i` of a row that may lie at any address.
template <class Block>
Block load_block(const uint8_t* row, int64_t i) {
  Block block;
  std::memcpy(&block, row + i * static_cast<int64_t>(sizeof(Block)), sizeof(Block));
  return block;
}

template <class Block>
void store_block(const Block& block, uint8_t* row, int64_t i) {
  std::memcpy(row + i * static_cast<int64_t>(sizeof(Block)), &block, sizeof(Block));
}

}  // namespace hearth::codec
