// SPDX-License-Identifier: MIT
// The kernel table of the CPU backend: what every kernel takes and promises. The table is filled by
// the portable column (<family>.base.cpp), then overlaid by each instruction set that the machine
// has, best last; a cell that no set fills keeps what was there. Kernel files include intrinsics,
// this header and tensor/layout only, keep everything in an unnamed namespace and export one
// add_<family>_<isa>(KernelTable&).
//
// Promises of every kernel: no allocation, no global state, any thread; the result of one output
// element depends on its own inputs alone (never on n_rows, n_tokens or its place in the tile), so
// that batching, chunking and the number of threads change no bit.
#pragma once
#include <stdint.h>

namespace hearth::cpu {

inline constexpr int kActBlock = 256;
inline constexpr int kActMax = 8191;

// Activations prepared for products with quantized weights: 256 values as 14-bit integers,
//   value[i] ~ scale * x[i],   scale = max|value| / 8191,
// a 64th of the step that int8 would have (which moves perplexity by up to 1 %, docs/design). 14
// bits and not 16, because then the product of a whole block with weights whose integer scales are
// folded in (|w| <= 945 in q4_k) still fits 32 bits. A row of n_cols values is ceil(n_cols / 256)
// blocks; values past the end are 0. n_cols is a multiple of 32. Values in a block whose largest is
// below 2^-100 count as 0.
struct SumPair {
  int16_t high, low;  // sum = 256 * high + low, 0 <= low < 256: products by pairs of 16 bits
};
struct alignas(64) ActBlock {
  int16_t x[kActBlock];
  SumPair sum16[16];  // sums of x over [16 j, 16 j + 16)
  SumPair sum32[8];   // sums of x over [32 j, 32 j + 32)
  float scale;
  float unused[7];
};
static_assert(sizeof(ActBlock) == 640);

// Activations prepared as bytes, for the products of whole prompts, which are bound by arithmetic:
// 256 values in quarters of 64. The largest of a quarter is kept as a float beside the others, so
// that it does not take their range (docs/design/0002-prompt-activations.md has what that is
// worth):
//   value[i] ~ scale[i / 64] * (x[i] - 128),   scale = the second largest |value| / 127,
//   value[index[h]] = outlier[h] exactly; x is 128 there.
// Blocks of one column range lie side by side for all tokens: block b of token t at
// acts + b * block_bytes + t * sizeof(ByteBlock). Values past the end are 0.
struct alignas(64) ByteBlock {
  uint8_t x[kActBlock];
  float scale[4];
  float outlier[4];
  int32_t index[4];
  float sum16[16];  // of what stands above for the values of [16 j, 16 j + 16), rounded once
  float sum32[8];   // of [32 j, 32 j + 32)
  float unused[12];
};
static_assert(sizeof(ByteBlock) == 448);

// The arithmetic of a quantized product is fixed, so that every instruction set, tile and batch
// gives the same bits. acc starts at 0; for each block of 256, in order of columns:
// - super-block formats (q2_k to q6_k, iq4_xs): S = the exact integer sum of scale * (q - zero) *
// x,
//   rounded once to float; M = the exact sum of min * sum(x); v = d * S - dmin * M (M: only where
//   the format has minima); acc = acc + v * act.scale.
// - formats with 32 weights a block: p[j] = d[j] * float(sum of (q - zero) * x), plus m[j] *
//   float(sum of x) where the format has it; v = ((p0 + p1) + (p2 + p3)) + ((p4 + p5) + (p6 + p7))
//   with 0 for groups past the end; acc = acc + v * act.scale.
// No fused multiply-add: each operation above rounds. Products with f32, f16 and bf16 weights and
// attention use 16 lanes (lane = index mod 16) with fused multiply-add, except in the base column.

// Products with ByteBlocks: acc starts at 0; for each block of 256, in order of columns, and each
// of its quarters h, whose groups g are 16 or 32 columns that share a scale: D_g = d * scale_g,
// rounded to float; S_g = the exact sum of (q - zero) * (x - 128); part = -B * (D_0 + D_1 + …),
// each rounded; part = fma(D_g, B + S_g, part) for each g; acc = fma(part, scale[h], acc); and acc
// = fma(D_g * (q - zero), outlier[h], acc) for the outlier's column. Where the format has minima,
// acc = fma(m_j, sum_j, acc) after the quarters, for each group j that shares one (m_j = -(dmin *
// min) or m).
// B is where floats are whole numbers and lie 1 apart (|S_g| < 2^22): an integer sum that begins at
// B's bits is the float B + S_g as it stands, and need not be converted. That a part is rounded at
// the size of B * D costs less than one step of D, a twentieth of what rounding x to bytes costs.
inline constexpr float kByteSumBase = 12582912.0f;  // 1.5 * 2^23
inline constexpr int32_t kByteSumBits = 0x4b400000;

// out[t * out_stride + r] = sum over c of W[r, c] * x[t, c],  W: [n_rows, n_cols], x: [n_tokens,
// n_cols].
struct MatmulTile {
  const uint8_t* weights;  // first row, in the file's own layout; rows lie row_bytes apart
  int64_t row_bytes;
  int n_rows;
  int n_cols;
  const uint8_t* acts;  // first token: ActBlock[] for quantized weights, float[] for f32/f16/bf16
  int64_t act_bytes;    // from token to token; ActBlocks lie on their alignment
  int n_tokens;
  float* out;
  int64_t out_stride;  // floats from token to token
};
using MatmulFn = void (*)(const MatmulTile&);

// The same product with ByteBlocks.
struct ByteTile {
  const uint8_t* weights;  // first row, in the file's own layout; rows lie row_bytes apart
  int64_t row_bytes;
  int n_rows;
  int n_cols;
  const ByteBlock* acts;  // block 0 of the first token
  int64_t block_bytes;    // from block to block
  int n_tokens;
  float* out;
  int64_t out_stride;  // floats from token to token
};
using ByteMatmulFn = void (*)(const ByteTile&);

// Weight formats of the table, in the order of tensor/dtype.h; cpu/kernel_table.cpp maps one to the
// other.
enum class Weight : uint8_t {
  kF32,
  kF16,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ8_0,
  kQ2_K,
  kQ3_K,
  kQ4_K,
  kQ5_K,
  kQ6_K,
  kIQ4_NL,
  kIQ4_XS,
  kBF16,
  kMXFP4,
  kCount,
};

// Formats that the KV cache can have; rows are whole blocks of 32 for the quantized ones.
enum class KvType : uint8_t { kF32, kF16, kBF16, kQ8_0, kQ5_1, kQ4_0, kCount };

// A run of memory that is read next, or none: kernels fetch it evenly while they compute.
struct Ahead {
  const uint8_t* at = nullptr;
  int64_t bytes = 0;
};

// scores[q * score_stride + p] = scale * sum over i of query[q, i] * key[p, i].
struct ScoreTile {
  const float* query;  // [n_queries, size], query_stride floats apart
  int64_t query_stride;
  int n_queries;
  const uint8_t* keys;  // [n_positions, size], key_bytes apart
  int64_t key_bytes;
  int n_positions;
  int size;
  float scale;
  float* scores;
  int64_t score_stride;
  Ahead ahead = {};
};
using ScoreFn = void (*)(const ScoreTile&);

// Keys of f32, f16 and bf16, the first formats, can lie in tiles of kKeyTile positions instead of
// rows: value i of position p at tile[i * kKeyTile + p], so that lanes are positions and no score
// is added up over lanes. A tile has the bytes of its rows.
inline constexpr int kTiledKv = 3;
inline constexpr int kKeyTile = 16;

// Scores with keys that were brought to floats and transposed: panel[i * kPanelPositions + p] =
// key[p, i]. panel_scores gives the bits of rows. size is a multiple of 16; up to 15 floats after
// the last position's are read.
inline constexpr int kPanelPositions = 64;
struct PanelScoreTile {
  const float* query;  // [n_queries, size], query_stride floats apart
  int64_t query_stride;
  int n_queries;
  const float* panel;
  int n_positions;
  int size;
  float scale;
  float* scores;
  int64_t score_stride;
};

// out[q, i] += sum over p of weight[q, p] * value[p, i], p in ascending order.
struct MixTile {
  const float* weights;  // [n_queries, n_positions], weight_stride floats apart
  int64_t weight_stride;
  int n_queries;
  const uint8_t* values;  // [n_positions, size], value_bytes apart
  int64_t value_bytes;
  int n_positions;
  int size;
  float* out;  // [n_queries, size], out_stride floats apart
  int64_t out_stride;
  Ahead ahead = {};
};
using MixFn = void (*)(const MixTile&);

struct KernelTable {
  MatmulFn matmul[static_cast<int>(Weight::kCount)];
  ByteMatmulFn matmul_bytes[static_cast<int>(Weight::kCount)];  // null for f32, f16, bf16
  ScoreFn scores[static_cast<int>(KvType::kCount)];
  MixFn mix[static_cast<int>(KvType::kCount)];

  // Up to kPanelPositions keys to a panel, and values to rows of floats; size is a multiple of 16.
  void (*key_panel[static_cast<int>(KvType::kCount)])(const uint8_t* keys, int64_t key_bytes,
                                                      int n_positions, int size, float* panel,
                                                      const Ahead& ahead);
  void (*value_rows[static_cast<int>(KvType::kCount)])(const uint8_t* values, int64_t value_bytes,
                                                       int n_positions, int size, float* rows,
                                                       const Ahead& ahead);
  void (*panel_scores)(const PanelScoreTile&);
  // Other roundings: each sum in ascending order of i.
  void (*panel_scores_straight)(const PanelScoreTile&);

  // Keys in tiles. Scores, straight too: of ScoreTile, keys are the first tile then, key_bytes
  // those of one position, n_positions a multiple of kKeyTile. Tiles of up to kPanelPositions
  // positions to a panel. n values of one position to its lane, kKeyTile values apart.
  ScoreFn tile_scores[kTiledKv];
  void (*tile_panel[kTiledKv])(const uint8_t* tiles, int n_tiles, int size, float* panel,
                               const Ahead& ahead);
  void (*store_in_tile[kTiledKv])(const float* in, int n, uint8_t* lane);

  // One row of n floats to a KV row of that format (round to nearest even).
  void (*store_kv[static_cast<int>(KvType::kCount)])(const float* in, int n, uint8_t* out);
  // One weight row of n values to floats (embedding look-up).
  void (*decode_row[static_cast<int>(Weight::kCount)])(const uint8_t* row, int n, float* out);

  // Prepares one activation row; n is a multiple of 32. A NaN or infinity makes every output of
  // that block NaN (scale = NaN): it is never hidden.
  void (*quantize_act)(const float* in, int n, ActBlock* out);

  // The same as ByteBlocks, block_bytes apart: what is not finite makes its quarter NaN.
  void (*quantize_bytes)(const float* in, int n, ByteBlock* out, int64_t block_bytes);

  // out = x * weight / sqrt(mean(x^2) + eps); weight may be null (1).
  void (*rms_norm)(const float* x, const float* weight, float eps, int n, float* out);
  // out = (x - mean) / sqrt(variance + eps) * weight + bias; either may be null.
  void (*layer_norm)(const float* x, const float* weight, const float* bias, float eps, int n,
                     float* out);
  void (*add)(const float* a, const float* b, int n, float* out);
  // out += scale * x.
  void (*add_scaled)(const float* x, float scale, int n, float* out);
  void (*scale)(const float* x, float factor, int n, float* out);
  // out = cap * tanh(x / cap).
  void (*soft_cap)(const float* x, float cap, int n, float* out);
  // out = act(gate) * up; up may be null (1). gelu_tanh: Hendrycks & Gimelshein 2016,
  // arXiv:1606.08415.
  void (*silu_mul)(const float* gate, const float* up, int n, float* out);
  void (*gelu_tanh_mul)(const float* gate, const float* up, int n, float* out);
  // gpt-oss: g = min(gate, limit), u = clamp(up, -limit, limit), out = (u + 1) * g * sigmoid(alpha
  // * g).
  void (*swiglu_oai)(const float* gate, const float* up, float alpha, float limit, int n,
                     float* out);
  // Rotates n_pairs pairs by cos[i], sin[i]. Half order: (x[i], x[i + n_pairs]); interleaved order:
  // (x[2i], x[2i + 1]). In place.
  void (*rope_half)(float* x, const float* cos, const float* sin, int n_pairs);
  void (*rope_interleaved)(float* x, const float* cos, const float* sin, int n_pairs);
  float (*max)(const float* x, int n);
  // out = exp(x - shift), returns the sum of out.
  float (*exp_sum)(const float* x, float shift, int n, float* out);
};

}  // namespace hearth::cpu
