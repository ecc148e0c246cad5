// SPDX-License-Identifier: MIT
// The pages of the KV cache in main memory. In a layer, page p holds for each kv head the keys of
// 64 positions, one run of memory, and likewise values. Values lie in rows; keys too where the
// format is quantized or values lie inside them, else in tiles (kKeyTile in kernels/table.h). Owns
// its memory. Thread rule: different positions may be written by different threads.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "backend/backend.h"
#include "backend/cpu/kernels/table.h"

namespace hearth::cpu {

// Where one layer's pages lie and how to step through them.
struct KvLayerMemory {
  uint8_t* k = nullptr;
  uint8_t* v = nullptr;     // = k where values lie inside the keys
  int64_t k_row_bytes = 0;  // one position of one head
  int64_t v_row_bytes = 0;
  int n_kv_heads = 0;
  int group = 0;
  bool key_tiles = false;
  int64_t key_bytes = 0;  // one value, in tiles

  // Position 0 of head g in a page.
  uint8_t* k_tile(int page, int g) const {
    return k + ((int64_t{page} * n_kv_heads + g) * backend::kPagePositions) * k_row_bytes;
  }
  // The first value of position `at` of head g in a page.
  uint8_t* k_at(int page, int g, int64_t at) const {
    if (!key_tiles) return k_tile(page, g) + at * k_row_bytes;
    const int64_t lane = at % kKeyTile, first = at - lane;
    return k_tile(page, g) + first * k_row_bytes + lane * key_bytes;
  }
  uint8_t* v_tile(int page, int g) const {
    return v + ((int64_t{page} * n_kv_heads + g) * backend::kPagePositions) * v_row_bytes;
  }
};

class CpuKvStore : public backend::KvStore {
 public:
  // Errors: a format that the cache cannot have, a head size that the format cannot hold, no
  // memory.
  static Result<std::unique_ptr<CpuKvStore>> make(const backend::KvLayout& layout);

  uint64_t bytes() const override { return bytes_; }
  void copy_page(int group, int from, int to) override;

  const KvLayerMemory& layer(int i) const { return layers_[static_cast<size_t>(i)]; }
  KvType k_type() const { return k_type_; }
  KvType v_type() const { return v_type_; }
  const backend::KvFormat& format() const { return format_; }

 private:
  struct Free {
    void operator()(uint8_t* memory) const { std::free(memory); }
  };
  std::vector<KvLayerMemory> layers_;
  std::vector<std::unique_ptr<uint8_t, Free>> blocks_;
  KvType k_type_ = KvType::kF16;
  KvType v_type_ = KvType::kF16;
  backend::KvFormat format_;
  uint64_t bytes_ = 0;
};

}  // namespace hearth::cpu
