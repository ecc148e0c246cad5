// SPDX-License-Identifier: MIT
// The 16 rows of weights that become one panel, for dot_panel.h and dot_bytes.h.
#pragma once
#include <immintrin.h>
#include <stdint.h>

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

// Fetches n_bytes from `offset` on of each row, to the second-level cache: few tokens are done with
// a panel before its successor's weights would come by themselves.
inline void fetch_rows(const PanelRows& rows, int64_t offset, int n_bytes) {
  for (const uint8_t* row : rows.row) {
    for (int i = 0; i < n_bytes; i += 64) {
      _mm_prefetch(reinterpret_cast<const char*>(row + offset + i), _MM_HINT_T1);
    }
  }
}

// The share of one of n_tiles tiles in fetching what n_panels panels are filled with next. Tiles
// read what is near; beside a filling, which reads what was fetched last, fetching would hold that
// up.
inline void fetch_share(const PanelRows* rows, int n_panels, int i_tile, int n_tiles,
                        int64_t offset, int n_bytes) {
  for (int p = i_tile; p < n_panels; p += n_tiles) fetch_rows(rows[p], offset, n_bytes);
}

}  // namespace
}  // namespace hearth::cpu
