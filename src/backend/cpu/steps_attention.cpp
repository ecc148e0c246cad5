// SPDX-License-Identifier: MIT
// Attention over the paged cache: softmax online, one page (64 positions at an absolute place)
// after the other, so that a token's arithmetic depends on its own position alone. Source: Milakov
// & Gimelshein 2018, arXiv:1805.02867; tiles as in Dao et al. 2022, arXiv:2205.14135.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "backend/cpu/step.h"

namespace hearth::cpu {
namespace {

using backend::kPagePositions;

// Tokens that one item of work takes together: they share each page while it is in cache.
constexpr int kTileTokens = 16;

// Tokens [begin, end) of the batch belong to one sequence; first is the sequence's first row.
struct TokenTile {
  int begin = 0, end = 0;
  int i_sequence = 0;
  int first = 0, last = 0;  // all rows of the sequence in the batch, [first, last)
};

// Walks the batch in tiles of one sequence each; f(tile, index of the tile).
template <class F>
void for_tiles(const backend::Batch& batch, F&& f) {
  const int n = static_cast<int>(batch.tokens.size());
  int i_tile = 0;
  for (int first = 0; first < n;) {
    const int32_t sequence = batch.i_sequence[static_cast<size_t>(first)];
    int last = first + 1;
    while (last < n && batch.i_sequence[static_cast<size_t>(last)] == sequence) ++last;
    for (int begin = first; begin < last; begin += kTileTokens, ++i_tile) {
      f(TokenTile{begin, std::min(begin + kTileTokens, last), sequence, first, last}, i_tile);
    }
    first = last;
  }
}

struct AttentionShape {
  graph::Attention op;
  const float* sinks;
  Place q, keys, values, out;
};

// One query row's running softmax.
struct Running {
  float max;
  float sum;
};

// What a tile of positions [first, first + n) looks like in memory, for one kv head.
struct PositionTile {
  const uint8_t* k;
  const uint8_t* v;
  int64_t k_bytes, v_bytes;
  int first, n;
};

// The private memory of a thread, cut up.
struct Scratch {
  float* scores;     // [max queries, 64]
  Running* running;  // [max queries]
};

int max_queries(const graph::Attention& op) {
  return std::max(kTileTokens, op.n_heads / op.n_kv_heads);
}

Scratch scratch_of(const graph::Attention& op, uint8_t* memory) {
  auto* scores = reinterpret_cast<float*>(memory);
  const int n = max_queries(op);
  return {scores, reinterpret_cast<Running*>(scores + int64_t{n} * kPagePositions)};
}

class Worker {
 public:
  Worker(const KernelTable& k, const AttentionShape& shape, const Frame& frame, int thread)
      : k_(k),
        s_(shape),
        frame_(frame),
        scratch_(scratch_of(shape.op, frame.scratch[static_cast<size_t>(thread)])) {
    const bool cached = s_.op.i_cache != graph::kNone;
    score_ = k.scores[static_cast<int>(cached ? frame.kv->k_type() : KvType::kF32)];
    const KvType v_type = !cached              ? KvType::kF32
                          : s_.op.value_in_key ? frame.kv->k_type()
                                               : frame.kv->v_type();
    mix_ = k.mix[static_cast<int>(v_type)];
  }

  // Query heads [head_begin, head_end), all of kv head g, for the tokens of a tile.
  void run(const TokenTile& tile, int g, int head_begin, int head_end) {
    if (tile.end - tile.begin == 1) {
      attend(tile, g, head_begin, head_end - head_begin, 1);
      return;
    }
    for (int h = head_begin; h < head_end; ++h) attend(tile, g, h, 1, tile.end - tile.begin);
  }

 private:
  // The queries are n_heads heads of one token, or one head of n_tokens tokens.
  void attend(const TokenTile& tile, int g, int head, int n_heads, int n_tokens) {
    const int n = n_heads * n_tokens;
    for (int i = 0; i < n; ++i) start(tile, head, i, n_heads);
    int lowest = std::numeric_limits<int>::max(), highest = 0;
    for (int t = 0; t < n_tokens; ++t) {
      lowest = std::min(lowest, seen_begin(tile, tile.begin + t));
      highest = std::max(highest, seen_end(tile, tile.begin + t));
    }
    for (int first = lowest / kPagePositions * kPagePositions; first < highest;
         first += kPagePositions) {
      const int end = std::min(first + kPagePositions, highest);
      visit(tile, position_tile(tile, g, first, end - first), head, n_heads, n_tokens);
    }
    for (int i = 0; i < n; ++i) {
      float* to = out_row(tile, head, i, n_heads);
      k_.scale(to, 1.0f / scratch_.running[i].sum, s_.op.v_size, to);
    }
  }

  void start(const TokenTile& tile, int head, int i, int n_heads) {
    const int h = n_heads > 1 ? head + i : head;
    std::fill_n(out_row(tile, head, i, n_heads), s_.op.v_size, 0.0f);
    if (s_.sinks != nullptr) {
      scratch_.running[i] = {s_.sinks[h], 1.0f};
    } else {
      scratch_.running[i] = {-std::numeric_limits<float>::infinity(), 0.0f};
    }
  }

  // One tile of positions for all queries: scores, running softmax, values.
  void visit(const TokenTile& tile, const PositionTile& p, int head, int n_heads, int n_tokens) {
    const int n = n_heads * n_tokens;
    const int64_t q_stride =
        n_heads > 1 ? s_.op.k_size : s_.q.row_bytes / static_cast<int64_t>(sizeof(float));
    score_({.query = row_of(frame_, s_.q, tile.begin) + int64_t{head} * s_.op.k_size,
            .query_stride = q_stride,
            .n_queries = n,
            .keys = p.k,
            .key_bytes = p.k_bytes,
            .n_positions = p.n,
            .size = s_.op.k_size,
            .scale = s_.op.scale,
            .scores = scratch_.scores,
            .score_stride = kPagePositions});
    for (int i = 0; i < n; ++i) {
      const int token = tile.begin + (n_heads > 1 ? 0 : i);
      const int begin = std::clamp(seen_begin(tile, token) - p.first, 0, p.n);
      const int end = std::clamp(seen_end(tile, token) - p.first, begin, p.n);
      weigh(scratch_.scores + int64_t{i} * kPagePositions, begin, end, p.n, scratch_.running[i],
            out_row(tile, head, i, n_heads));
    }
    const int64_t out_stride =
        n_heads > 1 ? s_.op.v_size : s_.out.row_bytes / static_cast<int64_t>(sizeof(float));
    mix_({.weights = scratch_.scores,
          .weight_stride = kPagePositions,
          .n_queries = n,
          .values = p.v,
          .value_bytes = p.v_bytes,
          .n_positions = p.n,
          .size = s_.op.v_size,
          .out = out_row(tile, head, 0, n_heads),
          .out_stride = out_stride});
  }

  // Scores [begin, end) become weights relative to the new maximum, the rest 0.
  void weigh(float* scores, int begin, int end, int n, Running& running, float* out) {
    std::fill(scores, scores + begin, 0.0f);
    std::fill(scores + end, scores + n, 0.0f);
    if (begin == end) return;
    if (s_.op.soft_cap > 0) {
      k_.soft_cap(scores + begin, s_.op.soft_cap, end - begin, scores + begin);
    }
    const float max = std::max(running.max, k_.max(scores + begin, end - begin));
    const float shrink = std::exp(running.max - max);  // 0 at the first tile: exp(-inf)
    if (shrink != 1.0f) k_.scale(out, shrink, s_.op.v_size, out);
    running.sum =
        running.sum * shrink + k_.exp_sum(scores + begin, max, end - begin, scores + begin);
    running.max = max;
  }

  // Positions that a token sees, [begin, end). Without a cache they are rows of the batch, counted
  // from the sequence's first, and all of them are seen (encoders look both ways).
  int seen_begin(const TokenTile&, int token) const {
    if (s_.op.i_cache == graph::kNone || s_.op.window == 0) return 0;
    return std::max(0, frame_.batch->positions[static_cast<size_t>(token)] - s_.op.window + 1);
  }
  int seen_end(const TokenTile& tile, int token) const {
    if (s_.op.i_cache == graph::kNone) return tile.last - tile.first;
    return frame_.batch->positions[static_cast<size_t>(token)] + 1;
  }

  PositionTile position_tile(const TokenTile& tile, int g, int first, int n) const {
    if (s_.op.i_cache == graph::kNone) {
      const int row = tile.first + first;
      const auto* k = row_of(frame_, s_.keys, row) + int64_t{g} * s_.op.k_size;
      const auto* v = row_of(frame_, s_.values, row) + int64_t{g} * s_.op.v_size;
      return {reinterpret_cast<const uint8_t*>(k),
              reinterpret_cast<const uint8_t*>(v),
              s_.keys.row_bytes,
              s_.values.row_bytes,
              first,
              n};
    }
    const KvLayerMemory& layer = frame_.kv->layer(s_.op.i_cache);
    const auto& pages = frame_.batch->sequences[static_cast<size_t>(tile.i_sequence)]
                            .pages[static_cast<size_t>(layer.group)];
    const int page = pages[static_cast<size_t>(first / kPagePositions)];
    return {layer.k_tile(page, g),
            layer.v_tile(page, g),
            layer.k_row_bytes,
            layer.v_row_bytes,
            first,
            n};
  }

  float* out_row(const TokenTile& tile, int head, int i, int n_heads) const {
    const int token = tile.begin + (n_heads > 1 ? 0 : i);
    const int h = n_heads > 1 ? head + i : head;
    return row_of(frame_, s_.out, token) + int64_t{h} * s_.op.v_size;
  }

  const KernelTable& k_;
  const AttentionShape& s_;
  const Frame& frame_;
  Scratch scratch_;
  ScoreFn score_;
  MixFn mix_;
};

// How many parts a kv head's queries are cut into so that every thread has an item.
int head_parts(int n_items, int heads_per_kv, int n_threads) {
  int parts = 1;
  while (n_items * parts < n_threads && parts < heads_per_kv) parts *= 2;
  return std::min(parts, heads_per_kv);
}

int count_tiles(const backend::Batch& batch) {
  int n = 0;
  for_tiles(batch, [&](const TokenTile&, int) { ++n; });
  return n;
}

}  // namespace

int64_t attention_scratch_bytes(const graph::Attention& op) {
  const int64_t n = max_queries(op);
  return n * kPagePositions * int64_t{sizeof(float)} + n * int64_t{sizeof(Running)};
}

StepFn write_kv_step(const KernelTable& k, const graph::Attention& op, Place keys, Place values) {
  return [=, &k](const Frame& frame, int thread) {
    const KvLayerMemory& layer = frame.kv->layer(op.i_cache);
    const auto store_k = k.store_kv[static_cast<int>(frame.kv->k_type())];
    const auto store_v = k.store_kv[static_cast<int>(frame.kv->v_type())];
    const Slice share = row_share(frame, keys, thread);
    for (int64_t t = share.begin; t < share.end; ++t) {
      const auto i = static_cast<size_t>(t);
      const int32_t position = frame.batch->positions[i];
      const auto& pages = frame.batch->sequences[static_cast<size_t>(frame.batch->i_sequence[i])]
                              .pages[static_cast<size_t>(layer.group)];
      const int page = pages[static_cast<size_t>(position / kPagePositions)];
      const int64_t at = position % kPagePositions;
      for (int g = 0; g < op.n_kv_heads; ++g) {
        store_k(row_of(frame, keys, t) + int64_t{g} * op.k_size, op.k_size,
                layer.k_tile(page, g) + at * layer.k_row_bytes);
        if (op.value_in_key) continue;
        store_v(row_of(frame, values, t) + int64_t{g} * op.v_size, op.v_size,
                layer.v_tile(page, g) + at * layer.v_row_bytes);
      }
    }
  };
}

StepFn attention_step(const KernelTable& k, const graph::Attention& op, const float* sinks, Place q,
                      Place keys, Place values, Place out) {
  return [&k, shape = AttentionShape{op, sinks, q, keys, values, out}](const Frame& frame,
                                                                       int thread) {
    const graph::Attention& a = shape.op;
    const int per_kv = a.n_heads / a.n_kv_heads;
    const int n_items = count_tiles(*frame.batch) * a.n_kv_heads;
    const int parts = head_parts(n_items, per_kv, frame.n_threads);
    Worker worker(k, shape, frame, thread);
    // Items go round the threads: late tiles see more positions than early ones.
    for_tiles(*frame.batch, [&](const TokenTile& tile, int i_tile) {
      for (int g = 0; g < a.n_kv_heads; ++g) {
        for (int part = 0; part < parts; ++part) {
          const int item = (i_tile * a.n_kv_heads + g) * parts + part;
          if (item % frame.n_threads != thread) continue;
          const Slice heads = slice(per_kv, part, parts);
          worker.run(tile, g, g * per_kv + static_cast<int>(heads.begin),
                     g * per_kv + static_cast<int>(heads.end));
        }
      }
    });
  };
}

}  // namespace hearth::cpu
