// SPDX-License-Identifier: MIT
// Attention over the paged cache, in chunks of positions (attention_chunks.h). Many tokens: a
// tile's chunks are walked in one thread; few: tokens, heads and chunks are divided among the
// threads and merged afterwards. The same arithmetic, but that with keys in rows prompts alone have
// straight sums of scores (attention_panel.h); with keys in tiles all tokens have. Tiles as in Dao
// et al. 2022, arXiv:2205.14135.
#include <algorithm>
#include <cstring>
#include <limits>

#include "backend/cpu/attention_chunks.h"
#include "backend/cpu/step.h"

namespace hearth::cpu {
namespace {

using backend::kPagePositions;

// Tokens that one item of work takes together: they share each page while it is in cache.
constexpr int kTileTokens = 16;
// Queries (tokens times heads) that one walk over the positions serves: their scores of a block
// take 128 KiB.
constexpr int kMaxQueries = 128;

// Tokens [begin, end) of the batch belong to one sequence; first is the sequence's first row.
struct TokenTile {
  int begin = 0, end = 0;
  int i_sequence = 0;
  int first = 0, last = 0;  // all rows of the sequence in the batch, [first, last)

  int size() const { return end - begin; }
};

// Walks the batch in tiles of one sequence and one role each.
template <class F>
void for_tiles(const backend::Batch& batch, F&& f) {
  const int n = static_cast<int>(batch.tokens.size());
  for (int first = 0; first < n;) {
    const int32_t sequence = batch.i_sequence[static_cast<size_t>(first)];
    int last = first + 1;
    while (last < n && batch.i_sequence[static_cast<size_t>(last)] == sequence) ++last;
    for (int begin = first; begin < last;) {
      const int role_end = begin < batch.n_prompt ? std::min(batch.n_prompt, last) : last;
      const int end = std::min(begin + kTileTokens, role_end);
      f(TokenTile{begin, end, sequence, first, last});
      begin = end;
    }
    first = last;
  }
}

// Positions [begin, end).
struct Range {
  int begin = 0, end = 0;
  bool empty() const { return begin >= end; }
  int size() const { return std::max(0, end - begin); }
  Range within(Range other) const {
    return {std::max(begin, other.begin), std::min(end, other.end)};
  }
};

// What a token sees. Without a cache, positions are rows of the batch counted from the sequence's
// first, and all of them are seen (encoders look both ways).
Range seen_by(const graph::Attention& op, const Frame& frame, const TokenTile& tile, int token) {
  if (op.i_cache == graph::kNone) return {0, tile.last - tile.first};
  const int end = frame.batch->positions[static_cast<size_t>(token)] + 1;
  return {op.window == 0 ? 0 : std::max(0, end - op.window), end};
}
// What any token of a tile sees.
Range seen_by(const graph::Attention& op, const Frame& frame, const TokenTile& tile) {
  // Positions ascend within a sequence.
  return {seen_by(op, frame, tile, tile.begin).begin, seen_by(op, frame, tile, tile.end - 1).end};
}

Range chunk_range(int i_chunk) { return {chunk_begin(i_chunk), chunk_begin(i_chunk + 1)}; }

// Query heads [begin, begin + n), all of kv head g.
struct Heads {
  int g = 0, begin = 0, n = 0;
};

// The slots of a walk: of token t of the tile and head h of its Heads.
struct Slots {
  float* base;
  int64_t token_stride, head_stride;  // floats
  float* at(int t, int h) const { return base + t * token_stride + h * head_stride; }
};

// Rows of one page, for one kv head, from a position on.
struct Rows {
  const uint8_t* at;
  int64_t bytes;  // from a row to the next
};
struct PageRows {
  Rows k, v;
};

int max_queries(const graph::Attention& op) {
  return std::min(kMaxQueries, kTileTokens * (op.n_heads / op.n_kv_heads));
}

// The private memory of a thread, cut up.
struct Scratch {
  float* scores;   // [max_queries, kBlockPositions]
  float* slots;    // [max_queries, slot_floats]
  float* panel;    // keys of a page, see PanelScoreTile
  float* values;   // [kPagePositions, v_size]: values of a page
  Running* total;  // [max_queries]
};
// Floats of the panel with what may be read past its end.
int64_t panel_floats(const graph::Attention& op) {
  return int64_t{op.k_size} * kPagePositions + 16;
}
Scratch scratch_of(const graph::Attention& op, uint8_t* memory) {
  const int64_t n = max_queries(op);
  auto* scores = reinterpret_cast<float*>(memory);
  float* slots = scores + n * kBlockPositions;
  float* panel = slots + n * slot_floats(op.v_size);
  float* values = panel + panel_floats(op);
  auto* total = reinterpret_cast<Running*>(values + int64_t{op.v_size} * kPagePositions);
  return {scores, slots, panel, values, total};
}

class Worker {
 public:
  Worker(const KernelTable& k, const graph::Attention& op, const AttentionPlaces& places,
         const Frame& frame)
      : k_(k), op_(op), p_(places), frame_(frame), scratch_(scratch_of(op, frame.scratch)) {
    if (op_.i_cache == graph::kNone) return;
    k_type_ = frame.kv->k_type();
    key_tiles_ = frame.kv->layer(op_.i_cache).key_tiles;
    v_type_ = op_.value_in_key ? frame.kv->k_type() : frame.kv->v_type();
  }

  // The whole result of a tile's tokens for some heads.
  void attend(const TokenTile& tile, const Heads& heads, const float* sinks) {
    const int step = std::max(1, max_queries(op_) / tile.size());
    for (int h = 0; h < heads.n; h += step) {
      const Heads part{heads.g, heads.begin + h, std::min(step, heads.n - h)};
      attend_part(tile, part, sinks);
    }
  }

  // The partial results of one chunk, to slots; of tokens that see nothing of it, nothing.
  void chunk(const TokenTile& tile, const Heads& heads, int i_chunk, const Slots& slots) {
    for (int t = 0; t < tile.size(); ++t) {
      for (int h = 0; h < heads.n; ++h) {
        std::fill_n(slots.at(t, h), op_.v_size, 0.0f);
        set_running(slots.at(t, h), op_.v_size, {});
      }
    }
    const Range all = seen_by(op_, frame_, tile), seen = all.within(chunk_range(i_chunk));
    for (int first = seen.begin / kBlockPositions * kBlockPositions; first < seen.end;
         first += kBlockPositions) {
      block(tile, heads, seen.within({first, first + kBlockPositions}), all.end, slots);
    }
  }

 private:
  void attend_part(const TokenTile& tile, const Heads& heads, const float* sinks) {
    const Slots slots{scratch_.slots, heads.n * slot_floats(op_.v_size), slot_floats(op_.v_size)};
    const auto total = [&](int t, int h) -> Running& { return scratch_.total[t * heads.n + h]; };
    const auto for_queries = [&](auto&& f) {
      for (int t = 0; t < tile.size(); ++t) {
        for (int h = 0; h < heads.n; ++h) {
          float* out =
              row_of(frame_, p_.out, tile.begin + t) + int64_t{heads.begin + h} * op_.v_size;
          f(t, h, total(t, h), out);
        }
      }
    };
    for_queries([&](int, int h, Running& running, float* out) {
      running = start_merge(sinks != nullptr ? sinks + heads.begin + h : nullptr, op_.v_size, out);
    });
    const Range all = seen_by(op_, frame_, tile);
    for (int c = chunk_of(all.begin); c < n_chunks_of(all.end); ++c) {
      chunk(tile, heads, c, slots);
      for_queries([&](int t, int h, Running& running, float* out) {
        const Range seen = seen_by(op_, frame_, tile, tile.begin + t);
        if (seen.within(chunk_range(c)).empty()) return;
        merge_chunk(k_, slots.at(t, h), op_.v_size, running, out);
      });
    }
    for_queries([&](int, int, Running& running, float* out) {
      finish_merge(k_, running, op_.v_size, out);
    });
  }

  // One call of a kernel has the heads of a token as its queries, or the tokens of a head,
  // whichever are more. f(first token, first head, queries, what they see of `range`).
  template <class F>
  void for_calls(const TokenTile& tile, const Heads& heads, Range range, F&& f) {
    if (heads.n >= tile.size()) {
      for (int t = 0; t < tile.size(); ++t) {
        const Range seen = seen_by(op_, frame_, tile, tile.begin + t).within(range);
        if (!seen.empty()) f(t, 0, heads.n, seen);
      }
    } else {
      for (int h = 0; h < heads.n; ++h) f(0, h, tile.size(), range);
    }
  }

  float* scores_of(const Heads& heads, int t, int h) const {
    return scratch_.scores + int64_t{t * heads.n + h} * kBlockPositions;
  }

  // `range` of one block for all queries: scores, running softmax, values. Positions go on until
  // `end`, which the kernels use to fetch ahead.
  void block(const TokenTile& tile, const Heads& heads, Range range, int end, const Slots& slots) {
    const bool by_token = heads.n >= tile.size();
    const int first = range.begin / kBlockPositions * kBlockPositions;
    for_pages(range, [&](Range page) { score_page(tile, heads, page, range, first); });
    for (int t = 0; t < tile.size(); ++t) {
      const Range seen = seen_by(op_, frame_, tile, tile.begin + t).within(range);
      for (int h = 0; h < heads.n; ++h) {
        float* scores = scores_of(heads, t, h) - first;
        if (!by_token) {
          std::fill(scores + range.begin, scores + std::min(seen.begin, range.end), 0.0f);
          std::fill(scores + std::max(seen.end, range.begin), scores + range.end, 0.0f);
        }
        if (!seen.empty()) weigh(scores + seen.begin, seen.size(), slots.at(t, h));
      }
    }
    for_pages(range, [&](Range page) { mix_page(tile, heads, page, range, end, slots); });
  }

  // Whether rows are brought to floats once for all queries: pays from some 24 queries on. Changes
  // no bit, except that prompts have straight sums, and so panels where keys lie in rows.
  bool by_panel(const TokenTile& tile, const Heads& heads) const {
    constexpr int kQueries = 24;
    return op_.k_size % 16 == 0 && op_.v_size % 16 == 0 &&
           ((is_prompt(tile) && !key_tiles_) || heads.n * tile.size() >= kQueries);
  }
  bool is_prompt(const TokenTile& tile) const { return tile.begin < frame_.n_prompt; }

  void fill_key_panel(const Rows& keys, Range positions, const Ahead& ahead) {
    const int type = static_cast<int>(k_type_);
    if (key_tiles_) {
      k_.tile_panel[type](keys.at, positions.size() / kKeyTile, op_.k_size, scratch_.panel, ahead);
    } else {
      k_.key_panel[type](keys.at, keys.bytes, positions.size(), op_.k_size, scratch_.panel, ahead);
    }
  }

  // The scores of one page of a range; scores_of() belongs to position `first`. With keys in tiles,
  // what lies beside the range in its first and last tile gets scores that nobody reads.
  void score_page(const TokenTile& tile, const Heads& heads, Range page, Range range, int first) {
    const bool by_token = heads.n >= tile.size(), panel = by_panel(tile, heads);
    const int64_t score_stride = by_token ? kBlockPositions : int64_t{heads.n} * kBlockPositions;
    const Range present = whole_tiles(page);
    const Rows keys = page_rows(tile, heads.g, present.begin).k;
    const Ahead ahead = page.end < range.end
                            ? ahead_of(tile, heads.g, {page.end, range.end}, &PageRows::k)
                            : ahead_of(tile, heads.g, range, &PageRows::v);
    if (panel) fill_key_panel(keys, present, ahead);
    for_calls(tile, heads, page, [&](int t, int h, int n, Range seen) {
      const float* query =
          row_of(frame_, p_.q, tile.begin + t) + int64_t{heads.begin + h} * op_.k_size;
      const int64_t query_stride = by_token ? op_.k_size : floats_between(p_.q);
      float* scores = scores_of(heads, t, h) - first;
      if (panel) {
        const bool straight = key_tiles_ || is_prompt(tile);
        const auto panel_scores = straight ? k_.panel_scores_straight : k_.panel_scores;
        panel_scores({.query = query,
                      .query_stride = query_stride,
                      .n_queries = n,
                      .panel = scratch_.panel + seen.begin - present.begin,
                      .n_positions = seen.size(),
                      .size = op_.k_size,
                      .scale = op_.scale,
                      .scores = scores + seen.begin,
                      .score_stride = score_stride});
      } else {
        const Range part = whole_tiles(seen);
        const auto type = static_cast<size_t>(k_type_);
        const ScoreFn scores_of_rows = key_tiles_ ? k_.tile_scores[type] : k_.scores[type];
        scores_of_rows({.query = query,
                        .query_stride = query_stride,
                        .n_queries = n,
                        .keys = keys.at + (part.begin - present.begin) * keys.bytes,
                        .key_bytes = keys.bytes,
                        .n_positions = part.size(),
                        .size = op_.k_size,
                        .scale = op_.scale,
                        .scores = scores + part.begin,
                        .score_stride = score_stride,
                        .ahead = ahead});
      }
    });
  }

  // Adds the values of one page of a range.
  void mix_page(const TokenTile& tile, const Heads& heads, Range page, Range range, int end,
                const Slots& slots) {
    const bool by_token = heads.n >= tile.size();
    const int64_t score_stride = by_token ? kBlockPositions : int64_t{heads.n} * kBlockPositions;
    const int first = range.begin / kBlockPositions * kBlockPositions;
    Rows rows = page_rows(tile, heads.g, page.begin).v;
    Ahead ahead = page.end < range.end
                      ? ahead_of(tile, heads.g, {page.end, range.end}, &PageRows::v)
                      : ahead_of(tile, heads.g, {range.end, end}, &PageRows::k);
    KvType type = v_type_;
    if (by_panel(tile, heads)) {
      k_.value_rows[static_cast<int>(type)](rows.at, rows.bytes, page.size(), op_.v_size,
                                            scratch_.values, ahead);
      rows = {reinterpret_cast<const uint8_t*>(scratch_.values),
              int64_t{op_.v_size} * int64_t{sizeof(float)}};
      type = KvType::kF32;
      ahead = {};
    }
    for_calls(tile, heads, page, [&](int t, int h, int n, Range seen) {
      k_.mix[static_cast<int>(type)](
          {.weights = scores_of(heads, t, h) + seen.begin - first,
           .weight_stride = score_stride,
           .n_queries = n,
           .values = rows.at + (seen.begin - page.begin) * rows.bytes,
           .value_bytes = rows.bytes,
           .n_positions = seen.size(),
           .size = op_.v_size,
           .out = slots.at(t, h),
           .out_stride = by_token ? slots.head_stride : slots.token_stride,
           .ahead = ahead});
    });
  }

  static int64_t floats_between(const Place& place) {
    return place.row_bytes / static_cast<int64_t>(sizeof(float));
  }

  // Cuts a range at the ends of pages.
  template <class F>
  static void for_pages(Range range, F&& f) {
    for (int begin = range.begin; begin < range.end;) {
      const int end = std::min((begin / kPagePositions + 1) * kPagePositions, range.end);
      f(Range{begin, end});
      begin = end;
    }
  }

  // With keys in tiles, the positions of all tiles that a range touches; else the range.
  Range whole_tiles(Range range) const {
    if (!key_tiles_) return range;
    return {range.begin / kKeyTile * kKeyTile, (range.end + kKeyTile - 1) / kKeyTile * kKeyTile};
  }

  // Scores become weights relative to the new maximum.
  void weigh(float* scores, int n, float* slot) {
    if (op_.soft_cap > 0) k_.soft_cap(scores, op_.soft_cap, n, scores);
    const Running before = running_of(slot, op_.v_size);
    const float max = std::max(before.max, k_.max(scores, n));
    const float shrink = std::exp(before.max - max);  // 0 at the first block: exp(-inf)
    if (shrink != 1.0f) k_.scale(slot, shrink, op_.v_size, slot);
    const float sum = k_.exp_sum(scores, max, n, scores);
    set_running(slot, op_.v_size, {max, before.sum * shrink + sum});
  }

  // A position within a tile gives the tile.
  PageRows page_rows(const TokenTile& tile, int g, int position) const {
    if (op_.i_cache == graph::kNone) {
      const int row = tile.first + position;
      const auto* k = row_of(frame_, p_.keys, row) + int64_t{g} * op_.k_size;
      const auto* v = row_of(frame_, p_.values, row) + int64_t{g} * op_.v_size;
      return {{reinterpret_cast<const uint8_t*>(k), p_.keys.row_bytes},
              {reinterpret_cast<const uint8_t*>(v), p_.values.row_bytes}};
    }
    const KvLayerMemory& layer = frame_.kv->layer(op_.i_cache);
    const auto& pages = frame_.batch->sequences[static_cast<size_t>(tile.i_sequence)]
                            .pages[static_cast<size_t>(layer.group)];
    const int page = pages[static_cast<size_t>(position / kPagePositions)];
    const int64_t at = position % kPagePositions;
    const int64_t k_at = key_tiles_ ? at / kKeyTile * kKeyTile : at;
    return {{layer.k_tile(page, g) + k_at * layer.k_row_bytes, layer.k_row_bytes},
            {layer.v_tile(page, g) + at * layer.v_row_bytes, layer.v_row_bytes}};
  }

  // The first page of a range that is read next. Without a cache, rows do not lie together and come
  // from a cache of the processor.
  Ahead ahead_of(const TokenTile& tile, int g, Range next, Rows PageRows::*rows) const {
    if (next.empty() || op_.i_cache == graph::kNone) return {};
    const Rows first = page_rows(tile, g, next.begin).*rows;
    return {first.at, first_page(next) * first.bytes};
  }
  // How many positions of a range lie in its first page.
  static int first_page(Range range) {
    return std::min(kPagePositions - range.begin % kPagePositions, range.size());
  }

  const KernelTable& k_;
  const graph::Attention& op_;
  const AttentionPlaces& p_;
  const Frame& frame_;
  Scratch scratch_;
  KvType k_type_ = KvType::kF32, v_type_ = KvType::kF32;
  bool key_tiles_ = false;
};

int heads_per_kv(const graph::Attention& op) { return op.n_heads / op.n_kv_heads; }

Heads head_part(const graph::Attention& op, int g, int part, int n_parts) {
  const Slice share = slice(heads_per_kv(op), part, n_parts);
  return {g, g * heads_per_kv(op) + static_cast<int>(share.begin), static_cast<int>(share.size())};
}

// How many parts a kv head's queries are cut into so that every thread has work: each part reads
// the keys again.
int head_parts(const graph::Attention& op, int n_items, int n_threads) {
  int parts = 1;
  while (n_items * parts < n_threads && parts < heads_per_kv(op)) parts *= 2;
  return std::min(parts, heads_per_kv(op));
}

int count_tiles(const backend::Batch& batch) {
  int n = 0;
  for_tiles(batch, [&](const TokenTile&) { ++n; });
  return n;
}

// The items of a batch by tiles: f(tile, heads, cost). Kv head by kv head, so that a thread's run
// of items meets the same keys again.
template <class F>
void for_tile_items(const graph::Attention& op, const Frame& frame, F&& f) {
  const int n_items = count_tiles(*frame.batch) * op.n_kv_heads;
  const int n_parts = head_parts(op, n_items, frame.shares->n_threads());
  for (int g = 0; g < op.n_kv_heads; ++g) {
    for (int part = 0; part < n_parts; ++part) {
      const Heads heads = head_part(op, g, part, n_parts);
      for_tiles(*frame.batch, [&](const TokenTile& tile) {
        f(tile, heads, int64_t{heads.n} * tile.size() * seen_by(op, frame, tile).size());
      });
    }
  }
}

// The items of a batch by chunks: f(tile, heads, chunk, cost). A few more parts than threads even
// out the shares.
template <class F>
void for_chunk_items(const graph::Attention& op, const Frame& frame, F&& f) {
  int n_items = 0;
  for_tiles(*frame.batch, [&](const TokenTile& tile) {
    const Range seen = seen_by(op, frame, tile);
    n_items += op.n_kv_heads * (n_chunks_of(seen.end) - chunk_of(seen.begin));
  });
  const int n_parts = head_parts(op, n_items, 3 * frame.shares->n_threads());
  for_tiles(*frame.batch, [&](const TokenTile& tile) {
    const Range seen = seen_by(op, frame, tile);
    for (int g = 0; g < op.n_kv_heads; ++g) {
      for (int c = chunk_of(seen.begin); c < n_chunks_of(seen.end); ++c) {
        for (int part = 0; part < n_parts; ++part) {
          const Heads heads = head_part(op, g, part, n_parts);
          f(tile, heads, c, int64_t{heads.n} * tile.size() * seen.within(chunk_range(c)).size());
        }
      }
    }
  });
}

// Slots in Frame::partials: by chunk, token, head.
float* partial_slot(const graph::Attention& op, const Frame& frame, int i_chunk, int token,
                    int head) {
  const int64_t row = (int64_t{i_chunk} * frame.n_tokens + token) * op.n_heads + head;
  return reinterpret_cast<float*>(frame.partials) + row * slot_floats(op.v_size);
}

}  // namespace

int64_t attention_scratch_bytes(const graph::Attention& op) {
  const int64_t query_floats = kBlockPositions + slot_floats(op.v_size);
  const int64_t page_floats = panel_floats(op) + int64_t{op.v_size} * kPagePositions;
  return (max_queries(op) * query_floats + page_floats) * int64_t{sizeof(float)} +
         max_queries(op) * int64_t{sizeof(Running)};
}

int64_t attention_partial_bytes(const graph::Attention& op) {
  return op.n_heads * slot_floats(op.v_size) * int64_t{sizeof(float)};
}

StepFn write_kv_step(const KernelTable& k, const graph::Attention& op, Place keys, Place values) {
  return [=, &k](const Frame& frame, int thread) {
    const KvLayerMemory& layer = frame.kv->layer(op.i_cache);
    const auto k_type = static_cast<size_t>(frame.kv->k_type());
    const auto store_k = layer.key_tiles ? k.store_in_tile[k_type] : k.store_kv[k_type];
    const auto store_v = k.store_kv[static_cast<int>(frame.kv->v_type())];
    // Few tokens are divided by kv head too.
    const int per_row = op.n_kv_heads;
    const Slice rows = frame.shares->part(frame.n_tokens, thread);
    const Slice items = frame.replicated
                            ? frame.shares->part(int64_t{frame.n_tokens} * per_row, thread)
                            : Slice{rows.begin * per_row, rows.end * per_row};
    for (int64_t item = items.begin; item < items.end; ++item) {
      const int64_t t = item / per_row, g = item % per_row;
      const auto i = static_cast<size_t>(t);
      const int32_t position = frame.batch->positions[i];
      const auto& pages = frame.batch->sequences[static_cast<size_t>(frame.batch->i_sequence[i])]
                              .pages[static_cast<size_t>(layer.group)];
      const int page = pages[static_cast<size_t>(position / kPagePositions)];
      const int64_t at = position % kPagePositions;
      const auto head = static_cast<int>(g);
      store_k(row_of(frame, keys, t) + g * op.k_size, op.k_size, layer.k_at(page, head, at));
      if (op.value_in_key) continue;
      store_v(row_of(frame, values, t) + g * op.v_size, op.v_size,
              layer.v_tile(page, head) + at * layer.v_row_bytes);
    }
  };
}

StepFn attention_step(const KernelTable& k, const graph::Attention& op, const float* sinks,
                      const AttentionPlaces& places) {
  return [=, &k](const Frame& frame, int thread) {
    int64_t total = 0;
    for_tile_items(op, frame, [&](auto&&, auto&&, int64_t cost) { total += cost; });
    Worker worker(k, op, places, frame);
    int64_t done = 0;
    for_tile_items(op, frame, [&](const TokenTile& tile, const Heads& heads, int64_t cost) {
      const int64_t middle = done + cost / 2;
      done += cost;
      if (frame.shares->has(middle, total, thread)) worker.attend(tile, heads, sinks);
    });
  };
}

StepFn attention_chunks_step(const KernelTable& k, const graph::Attention& op,
                             const AttentionPlaces& places) {
  return [=, &k](const Frame& frame, int thread) {
    int64_t total = 0;
    for_chunk_items(op, frame, [&](auto&&, auto&&, int, int64_t cost) { total += cost; });
    Worker worker(k, op, places, frame);
    // Each thread takes a run of items; an item belongs to the share in which its middle lies.
    int64_t done = 0;
    for_chunk_items(op, frame, [&](const TokenTile& tile, const Heads& heads, int c, int64_t cost) {
      const int64_t middle = done + cost / 2;
      done += cost;
      if (!frame.shares->has(middle, total, thread)) return;
      const int64_t head_stride = slot_floats(op.v_size);
      worker.chunk(tile, heads, c,
                   {partial_slot(op, frame, c, tile.begin, heads.begin), op.n_heads * head_stride,
                    head_stride});
    });
  };
}

StepFn attention_merge_step(const KernelTable& k, const graph::Attention& op, const float* sinks,
                            Place out) {
  return [=, &k](const Frame& frame, int thread) {
    const Slice rows = row_share(frame, out, thread);
    for_tiles(*frame.batch, [&](const TokenTile& tile) {
      for (int t = tile.begin; t < tile.end; ++t) {
        if (t < rows.begin || t >= rows.end) continue;
        const Range seen = seen_by(op, frame, tile, t);
        for (int h = 0; h < op.n_heads; ++h) {
          float* to = row_of(frame, out, t) + int64_t{h} * op.v_size;
          Running total = start_merge(sinks != nullptr ? sinks + h : nullptr, op.v_size, to);
          for (int c = chunk_of(seen.begin); c < n_chunks_of(seen.end); ++c) {
            merge_chunk(k, partial_slot(op, frame, c, t, h), op.v_size, total, to);
          }
          finish_merge(k, total, op.v_size, to);
        }
      }
    });
  };
}

}  // namespace hearth::cpu
