// SPDX-License-Identifier: MIT
// Attention in two levels, so that long caches can be divided among threads and a token's
// arithmetic still depends on its own position alone. Positions lie in chunks at absolute places; a
// chunk gives each query a partial result by an online softmax over blocks of 256 positions
// (Milakov & Gimelshein 2018, arXiv:1805.02867); partial results are merged in the order of chunks,
// whoever made them (Dao et al. 2023, flash decoding).
#pragma once
#include <algorithm>
#include <cmath>
#include <limits>

#include "backend/cpu/kernels/table.h"

namespace hearth::cpu {

// Positions whose scores get one maximum; a whole number of pages.
inline constexpr int kBlockPositions = 256;

// Chunks begin at 0, 256, 512, 1024 and every 1024 from there: small ones first, so that short
// caches are divided too; never so small that merging costs more than a tenth of a chunk's work.
inline int chunk_of(int position) {
  if (position < 1024) return position < 256 ? 0 : position < 512 ? 1 : 2;
  return 2 + position / 1024;
}
inline int chunk_begin(int i_chunk) {
  if (i_chunk <= 2) return i_chunk == 0 ? 0 : 128 << i_chunk;
  return (i_chunk - 2) * 1024;
}
// Chunks that positions [0, end) lie in.
inline int n_chunks_of(int end) { return end <= 0 ? 0 : chunk_of(end - 1) + 1; }

// A running softmax: the largest score, and the sum of e^(score - max).
struct Running {
  float max = -std::numeric_limits<float>::infinity();
  float sum = 0.0f;
};

// One query's partial result in memory: v_size sums of e^(score - max) * value, then a Running.
inline int64_t slot_floats(int v_size) { return (int64_t{v_size} + 2 + 15) / 16 * 16; }
inline Running running_of(const float* slot, int v_size) {
  return {slot[v_size], slot[v_size + 1]};
}
inline void set_running(float* slot, int v_size, const Running& running) {
  slot[v_size] = running.max;
  slot[v_size + 1] = running.sum;
}

// The sum over chunks of one query: start, merge each chunk in which the query sees a position, in
// order, finish. `sink` is a logit that has no value, or null.
inline Running start_merge(const float* sink, int v_size, float* out) {
  std::fill_n(out, v_size, 0.0f);
  return sink != nullptr ? Running{*sink, 1.0f} : Running{};
}
inline void merge_chunk(const KernelTable& k, const float* slot, int v_size, Running& total,
                        float* out) {
  const Running part = running_of(slot, v_size);
  const float max = std::max(total.max, part.max);
  const float shrink = std::exp(total.max - max);  // 0 at the first chunk: exp(-inf)
  const float weight = std::exp(part.max - max);
  if (shrink != 1.0f) k.scale(out, shrink, v_size, out);
  k.add_scaled(slot, weight, v_size, out);
  total = {max, total.sum * shrink + part.sum * weight};
}
inline void finish_merge(const KernelTable& k, const Running& total, int v_size, float* out) {
  k.scale(out, 1.0f / total.sum, v_size, out);
}

}  // namespace hearth::cpu
