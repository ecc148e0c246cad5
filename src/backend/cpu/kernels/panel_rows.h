// SPDX-License-Identifier: MIT
// The 16 rows of weights that become one panel, for dot_panel.h and dot_bytes.h.
#pragma once
#include <immintrin.h>
#include <stdint.h>

#include "backend/cpu/kernels/inline.h"

namespace hearth::cpu {
namespace {

constexpr int kPanelRows = 16;

struct PanelRows {
  const uint8_t* row[kPanelRows];  // the last row stands in for those past the end
};

// Tile: MatmulTile or ByteTile.
template <class Tile>
inline PanelRows panel_rows(const Tile& tile, int first) {
  PanelRows rows;
  for (int r = 0; r < kPanelRows; ++r) {
    const int index = first + r < tile.n_rows ? first + r : tile.n_rows - 1;
    rows.row[r] = tile.weights + index * tile.row_bytes;
  }
  return rows;
}

// To the second-level cache.
HEARTH_INLINE inline void fetch_bytes(const uint8_t* from, int n_bytes) {
  for (int i = 0; i < n_bytes; i += 64) {
    _mm_prefetch(reinterpret_cast<const char*>(from + i), _MM_HINT_T1);
  }
}

// Fetches n_bytes from `offset` on of each row: few tokens are done with a panel before its
// successor's weights would come by themselves.
inline void fetch_rows(const PanelRows& rows, int64_t offset, int n_bytes) {
  for (const uint8_t* row : rows.row) fetch_bytes(row + offset, n_bytes);
}

// Fetches n_bytes from `offset` on of each row of n_panels panels, spread over the steps of a
// kernel: a burst would keep it from what it reads itself meanwhile, from the second-level cache.
class RowFetcher {
 public:
  RowFetcher(const PanelRows* rows, int n_panels, int64_t offset, int n_bytes, int n_steps)
      : rows_(rows),
        offset_(offset),
        n_bytes_(n_bytes),
        n_rows_(n_panels * kPanelRows),
        per_step_((n_rows_ + n_steps - 1) / n_steps) {}
  HEARTH_INLINE void step() {
    // Its numbers stay in memory: g++ 12 would keep some in vector registers, instead of sums.
    RowFetcher* self = this;
    asm("" : "+r"(self) : : "memory");
    self->fetch_some();
  }

 private:
  HEARTH_INLINE void fetch_some() {
    for (int i = 0; i < per_step_ && next_ < n_rows_; ++i, ++next_) {
      fetch_bytes(rows_[next_ / kPanelRows].row[next_ % kPanelRows] + offset_, n_bytes_);
    }
  }

  const PanelRows* rows_;
  int64_t offset_;
  int n_bytes_, n_rows_, per_step_, next_ = 0;
};

// The share of one of n_tiles tiles in fetching what n_panels panels are filled with next. Tiles
// read what is near; beside a filling, which reads what was fetched last, fetching would hold that
// up.
inline void fetch_share(const PanelRows* rows, int n_panels, int i_tile, int n_tiles,
                        int64_t offset, int n_bytes) {
  for (int p = i_tile; p < n_panels; p += n_tiles) fetch_rows(rows[p], offset, n_bytes);
}

}  // namespace
}  // namespace hearth::cpu
