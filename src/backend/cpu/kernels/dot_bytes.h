// SPDX-License-Identifier: MIT
// Products of quantized weights with ByteBlocks, for prompts: weights are unpacked once for all
// tokens into panels of 16 rows, whose lanes are rows, and each panel serves hundreds of tokens.
// In, out and the exact arithmetic: kernels/table.h. Written once over Ints and Vec; included after
// dot_quads.<isa>.h, words.<isa>.h, byte_tile.<isa>.h and the innermost loop: byte_loop.h or
// byte_words.h.
#pragma once
#include <stddef.h>

#include "backend/cpu/kernels/fill_panel.h"
#include "backend/cpu/kernels/table.h"
#include "backend/cpu/kernels/unpack_bytes.h"

namespace hearth::cpu {
namespace {

// Rows that go together, so that a token's block is fetched from the second-level cache once for
// four panels; their sums for kByteChunk tokens take 128 KiB of the stack.
constexpr int kBytePanels = 4;
constexpr int kByteChunk = 512;
constexpr int kByteRows = kPanelRows * kBytePanels;

// The columns of a block that are the outlier of a quarter of some token: of 256 with 140 tokens of
// text 115 to 163, with fewer less.
struct OutlierColumns {
  int n;
  uint8_t column[kActBlock];
};
// Known beforehand for rows of up to 16384 columns: 16.5 KiB of the stack.
constexpr int kOutlierBlocks = 64;

inline void find_outliers(const ByteBlock* acts, int n_tokens, int n_groups, OutlierColumns& out) {
  uint64_t seen[4] = {};
  for (int t = 0; t < n_tokens; ++t) {
    for (int h = 0; 2 * h < n_groups; ++h) {
      const int column = acts[t].index[h];  // of a quarter with a NaN: 0
      seen[column / 64] |= uint64_t{1} << (column % 64);
    }
  }
  out.n = 0;
  for (int h = 0; h < 4; ++h) {
    for (uint64_t bits = seen[h]; bits != 0; bits &= bits - 1) {
      out.column[out.n++] = static_cast<uint8_t>(64 * h + __builtin_ctzll(bits));
    }
  }
}

// x for sums of four products that take byte i alone.
struct alignas(64) OneByte {
  int32_t x[4][kPanelRows];
};
constexpr OneByte one_byte() {
  OneByte all = {};
  for (int i = 0; i < 4; ++i) {
    for (int32_t& lane : all.x[i]) lane = 1 << (8 * i);
  }
  return all;
}

// The weights of outliers in floats.
template <class Format>
void fill_values(const OutlierColumns& outliers, int n_panels, BytePanel* panels) {
  static constexpr OneByte kOneByte = one_byte();
  for (int i = 0; i < outliers.n; ++i) {
    const int column = outliers.column[i];
    const Ints byte = ints_load(kOneByte.x[column % 4]);
    for (int p = 0; p < n_panels; ++p) {
      const Ints w =
          ints_dot_quads<Format::kWide>(ints_zero(), byte, ints_load(panels[p].w[column / 4]));
      const Vec scale = vec_load(panels[p].d[column / Format::kGroup]);
      vec_store(panels[p].value[column], vec_mul(scale, ints_to_vec(w)));
    }
  }
}

// The first n_groups groups of 32 of one block of 16 rows.
template <class Format>
void fill_byte_panel(const PanelRows& rows, int64_t offset, int n_groups, BytePanel& panel) {
  const int n_quads = (n_groups + 1) / 2 * 16;  // whole quarters
  fill_weights(static_cast<const Format*>(nullptr), rows, offset, n_groups, panel);
  constexpr int kSteps = Format::kGroup / 4;
  const Ints byte_ones = ints_set(0x01010101);
  for (int g = 0; g < n_quads / kSteps; ++g) {
    Ints sum = ints_zero();
    for (int k = kSteps * g; k < kSteps * (g + 1); ++k) {
      sum = ints_dot_quads<Format::kWide>(sum, byte_ones, ints_load(panel.w[k]));
    }
    const Ints base = ints_set(kByteSumBits);
    ints_store(panel.start[g], kSignedActs<Format> ? base : ints_sub(base, ints_times_128(sum)));
  }
  constexpr int kGroups = 64 / Format::kGroup;
  for (int h = 0; h < n_quads / 16; ++h) {
    Vec scales = vec_load(panel.d[kGroups * h]);
    for (int i = 1; i < kGroups; ++i) scales = vec_add(scales, vec_load(panel.d[kGroups * h + i]));
    vec_store(panel.part[h], vec_mul(vec_set(-kByteSumBase), scales));
  }
}

// The sums stay in registers for all groups, and each group's minima for all tokens.
template <int kMinGroup, int T, int P>
HEARTH_INLINE inline void add_byte_minima(const BytePanel* panels, int n_mins,
                                          const ByteBlock* acts, float* out) {
  Vec sums[P][T];
  for (int t = 0; t < T; ++t) {
    for (int p = 0; p < P; ++p) sums[p][t] = vec_load(out + t * kByteRows + kPanelRows * p);
  }
  for (int j = 0; j < n_mins; ++j) {
    Vec m[P];
    for (int p = 0; p < P; ++p) m[p] = vec_load(panels[p].m[j]);
    for (int t = 0; t < T; ++t) {
      const Vec x = vec_set(kMinGroup == 16 ? acts[t].sum16[j] : acts[t].sum32[j]);
      for (int p = 0; p < P; ++p) sums[p][t] = vec_fma(m[p], x, sums[p][t]);
    }
  }
  for (int t = 0; t < T; ++t) {
    for (int p = 0; p < P; ++p) vec_store(out + t * kByteRows + kPanelRows * p, sums[p][t]);
  }
}

// One block of 16 P rows with T tokens: sums at out[t * kByteRows + 16 p]. Of a last
// block only the quarters with columns in them, since the others are 0.
template <class Format, int T, int P>
HEARTH_INLINE inline void byte_block(const BytePanel* panels, int n_groups, const ByteBlock* acts,
                                     RowFetcher& fetcher, float* out) {
  constexpr int kGroups = 64 / Format::kGroup;
  for (int h = 0; 2 * h < n_groups; ++h) {
    fetcher.step();
    Vec part[P][T];
    for (int p = 0; p < P; ++p) {
      for (int t = 0; t < T; ++t) part[p][t] = vec_load(panels[p].part[h]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < kGroups; ++i) {
      const int g = kGroups * h + i;
      Ints sums[P][T];
      for (int p = 0; p < P; ++p) {
        for (int t = 0; t < T; ++t) sums[p][t] = ints_load(panels[p].start[g]);
      }
      ByteLoop<Format, T, P>::run(panels, g, acts, sums);
      for (int p = 0; p < P; ++p) {
        const Vec d = vec_load(panels[p].d[g]);
        for (int t = 0; t < T; ++t) {
          part[p][t] = vec_fma(d, ints_as_vec(sums[p][t]), part[p][t]);
        }
      }
    }
    for (int t = 0; t < T; ++t) {
      const Vec scale = vec_set(acts[t].scale[h]), outlier = vec_set(acts[t].outlier[h]);
      for (int p = 0; p < P; ++p) {
        float* to = out + t * kByteRows + kPanelRows * p;
        const Vec sum = vec_fma(part[p][t], scale, vec_load(to));
        const Vec weights = vec_load(panels[p].value[acts[t].index[h]]);
        vec_store(to, vec_fma(weights, outlier, sum));
      }
    }
  }
  if constexpr (Format::kMinGroup != 0) {
    add_byte_minima<Format::kMinGroup, T, P>(panels, 32 * n_groups / Format::kMinGroup, acts, out);
  }
}

// Register by register: g++ 12 copies the struct by an instruction that takes longer to begin.
template <bool kSigned>
inline void copy_act(const ByteBlock& act, ByteBlock& copy) {
  static_assert(sizeof(ByteBlock) % 64 == 0 && offsetof(ByteBlock, x) == 0);
  const auto* from = reinterpret_cast<const uint8_t*>(&act);
  auto* to = reinterpret_cast<uint8_t*>(&copy);
  const Ints flip = ints_set(static_cast<int>(0x80808080u));
  for (unsigned i = 0; i < sizeof(ByteBlock); i += 64) {
    const Ints bytes = ints_load(from + i);
    ints_store(to + i, kSigned && i < kActBlock ? ints_xor(bytes, flip) : bytes);
  }
}

// A rest of n tokens, at most T, as powers of two leave behind sixes, with kByteRestPanels panels:
// a tile of its own, since one of six would cost three times as much.
template <class Format, int T>
HEARTH_OWN_FUNCTION void byte_rest(const BytePanel* panels, int n_groups, const ByteBlock* acts,
                                   int n, RowFetcher& fetcher, float* sums) {
  ByteBlock copies[T];
  if (kSignedActs<Format> || n < T) {
    for (int i = 0; i < T; ++i) copy_act<kSignedActs<Format>>(acts[i < n ? i : n - 1], copies[i]);
    acts = copies;
  }
  byte_block<Format, T, kByteRestPanels>(panels, n_groups, acts, fetcher, sums);
}

// Whether the last n_left tokens are byte_rest's.
inline bool is_byte_rest(int n_left, int n_panels) {
  return n_left > 0 && n_left <= kByteRest && n_panels == kByteRestPanels;
}
// How often byte_tokens takes a quarter of a tile, as RowFetcher counts.
inline int byte_steps(int n_panels, int n_groups, int n_tokens) {
  const int rest = n_tokens % kByteTokens, n_passes = (n_panels + kBytePair - 1) / kBytePair;
  const bool has_rest = is_byte_rest(rest, n_panels);
  const int n_tiles = n_tokens / kByteTokens + (rest > 0 && !has_rest ? 1 : 0);
  return (n_tiles * n_passes + (has_rest ? 1 : 0)) * ((n_groups + 1) / 2);
}

// The tokens of a chunk with one block of `n_panels` panels. `fetcher`: of what the panels are
// filled with next.
template <class Format>
void byte_tokens(const BytePanel* panels, int n_panels, int n_groups, const ByteBlock* acts,
                 int n_tokens, RowFetcher& fetcher, float* sums) {
  for (int t = 0; t < n_tokens; t += kByteTokens) {
    const ByteBlock* tokens = acts + t;
    if constexpr (kByteRest > 0) {
      if (is_byte_rest(n_tokens - t, n_panels)) {
        byte_rest<Format, kByteRest>(panels, n_groups, tokens, n_tokens - t, fetcher,
                                     sums + t * kByteRows);
        break;
      }
    }
    ByteBlock copies[kByteTokens];  // the last token stands in for those past the end
    if (kSignedActs<Format> || n_tokens - t < kByteTokens) {
      for (int i = 0; i < kByteTokens; ++i) {
        copy_act<kSignedActs<Format>>(acts[t + i < n_tokens ? t + i : n_tokens - 1], copies[i]);
      }
      tokens = copies;
    }
    int p = 0;
    for (; p + kBytePair <= n_panels; p += kBytePair) {
      byte_block<Format, kByteTokens, kBytePair>(panels + p, n_groups, tokens, fetcher,
                                                 sums + t * kByteRows + kPanelRows * p);
    }
    for (; p < n_panels; ++p) {
      byte_block<Format, kByteTokens, 1>(panels + p, n_groups, tokens, fetcher,
                                         sums + t * kByteRows + kPanelRows * p);
    }
  }
}

inline void store_byte_rows(const ByteTile& tile, int r0, int t0, int n_tokens, const float* sums) {
  const int n_rows = tile.n_rows - r0 < kByteRows ? tile.n_rows - r0 : kByteRows;
  for (int t = 0; t < n_tokens; ++t) {
    float* out = tile.out + (t0 + t) * tile.out_stride + r0;
    int r = 0;
    for (; r + 16 <= n_rows; r += 16) vec_store(out + r, vec_load(sums + t * kByteRows + r));
    if (r < n_rows) vec_store_n(out + r, vec_load(sums + t * kByteRows + r), n_rows - r);
  }
}

// One block of all tokens.
inline const ByteBlock* block_acts(const ByteTile& tile, int b) {
  return reinterpret_cast<const ByteBlock*>(reinterpret_cast<const uint8_t*>(tile.acts) +
                                            b * tile.block_bytes);
}
// How many of a block's groups of 32 there are.
inline int groups_of_block(const ByteTile& tile, int b) {
  const int groups_left = tile.n_cols / 32 - 8 * b;
  return groups_left < 8 ? groups_left : 8;
}

// kByteRows rows from r0 on with the tokens of a chunk from t0 on. `outliers`: of the first
// kOutlierBlocks blocks with these tokens.
template <class Format>
void byte_chunk(const ByteTile& tile, int r0, int t0, int n_tokens,
                const OutlierColumns* outliers) {
  alignas(64) float sums[(kByteChunk + kByteTokens) * kByteRows];
  BytePanel panels[kBytePanels];
  PanelRows rows[kBytePanels];
  OutlierColumns others;
  const int left = tile.n_rows - r0;
  const int n_panels = left < kByteRows ? (left + kPanelRows - 1) / kPanelRows : kBytePanels;
  for (int p = 0; p < n_panels; ++p) rows[p] = panel_rows(tile, r0 + kPanelRows * p);
  for (int i = 0; i < (n_tokens + kByteTokens - 1) * kByteRows; i += 16) {
    vec_store(sums + i, vec_zero());
  }
  const int n_blocks = (tile.n_cols + kActBlock - 1) / kActBlock;
  for (int b = 0; b < n_blocks; ++b) {
    const int n_groups = groups_of_block(tile, b);
    const int64_t at = int64_t{b} * Format::kBytes;
    const int64_t next = b + 1 < n_blocks ? at + Format::kBytes : kByteRows * tile.row_bytes;
    const ByteBlock* acts = block_acts(tile, b) + t0;
    if (b >= kOutlierBlocks) find_outliers(acts, n_tokens, n_groups, others);
    for (int p = 0; p < n_panels; ++p) {
      fill_byte_panel<Format>(rows[p], at, n_groups, panels[p]);
    }
    fill_values<Format>(b < kOutlierBlocks ? outliers[b] : others, n_panels, panels);
    RowFetcher fetcher(rows, n_panels, next, Format::kBytes,
                       byte_steps(n_panels, n_groups, n_tokens));
    byte_tokens<Format>(panels, n_panels, n_groups, acts, n_tokens, fetcher, sums);
  }
  store_byte_rows(tile, r0, t0, n_tokens, sums);
}

template <class Format>
void byte_matmul(const ByteTile& tile) {
  OutlierColumns outliers[kOutlierBlocks];
  for (int t0 = 0; t0 < tile.n_tokens; t0 += kByteChunk) {
    const int rest = tile.n_tokens - t0;
    const int n_tokens = rest < kByteChunk ? rest : kByteChunk;
    for (int b = 0; b < kOutlierBlocks && b * kActBlock < tile.n_cols; ++b) {
      find_outliers(block_acts(tile, b) + t0, n_tokens, groups_of_block(tile, b), outliers[b]);
    }
    for (int r0 = 0; r0 < tile.n_rows; r0 += kByteRows) {
      byte_chunk<Format>(tile, r0, t0, n_tokens, outliers);
    }
  }
}

inline void add_all_dot_bytes(KernelTable& table) {
  const auto set = [&](Weight weight, ByteMatmulFn fn) {
    table.matmul_bytes[static_cast<int>(weight)] = fn;
  };
  set(Weight::kQ4_0, byte_matmul<EightBlocks<Q4_0Bytes>>);
  set(Weight::kQ4_1, byte_matmul<EightBlocks<Q4_1Bytes>>);
  set(Weight::kQ5_0, byte_matmul<EightBlocks<Q5_0Bytes>>);
  set(Weight::kQ5_1, byte_matmul<EightBlocks<Q5_1Bytes>>);
  set(Weight::kQ8_0, byte_matmul<EightBlocks<Q8_0Bytes>>);
  set(Weight::kIQ4_NL, byte_matmul<EightBlocks<IQ4NLBytes>>);
  set(Weight::kMXFP4, byte_matmul<EightBlocks<MXFP4Bytes>>);
  set(Weight::kQ2_K, byte_matmul<OneBlock<Q2KBytes>>);
  set(Weight::kQ3_K, byte_matmul<OneBlock<Q3KBytes>>);
  set(Weight::kQ4_K, byte_matmul<OneBlock<Q4KBytes>>);
  set(Weight::kQ5_K, byte_matmul<OneBlock<Q5KBytes>>);
  set(Weight::kQ6_K, byte_matmul<OneBlock<Q6KBytes>>);
  set(Weight::kIQ4_XS, byte_matmul<OneBlock<IQ4XSBytes>>);
}

}  // namespace
}  // namespace hearth::cpu
