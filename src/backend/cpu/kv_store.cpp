// SPDX-License-Identifier: MIT
#include "backend/cpu/kv_store.h"

#include <cstring>
#include <optional>

#include "base/checked.h"
#include "base/units.h"

namespace hearth::cpu {
namespace {

using backend::kPagePositions;

std::optional<KvType> kv_type(DType type) {
  switch (type) {
    case DType::kF32:
      return KvType::kF32;
    case DType::kF16:
      return KvType::kF16;
    case DType::kBF16:
      return KvType::kBF16;
    case DType::kQ8_0:
      return KvType::kQ8_0;
    case DType::kQ5_1:
      return KvType::kQ5_1;
    case DType::kQ4_0:
      return KvType::kQ4_0;
    default:
      return std::nullopt;
  }
}

Result<KvType> checked_kv_type(DType type) {
  if (const auto found = kv_type(type)) return *found;
  return with_hint(unsupported("the KV cache cannot be {}", info(type).name),
                   "it can be f32, f16, bf16, q8_0, q5_1 or q4_0");
}

Result<int64_t> kv_row_bytes(DType type, int size, std::string_view what) {
  if (size % info(type).block_weights != 0) {
    return with_hint(
        unsupported("{} of {} values cannot be stored as {}", what, size, info(type).name),
        "use f16 for the KV cache of this model");
  }
  return row_bytes(type, size);
}

}  // namespace

Result<std::unique_ptr<CpuKvStore>> CpuKvStore::make(const backend::KvLayout& layout) {
  auto store = std::make_unique<CpuKvStore>();
  store->format_ = layout.format;
  TRY_LET(store->k_type_, checked_kv_type(layout.format.k));
  TRY_LET(store->v_type_, checked_kv_type(layout.format.v));
  const auto allocate = [&](int64_t rows, int64_t bytes_per_row) -> Result<uint8_t*> {
    const auto bytes = checked_mul<int64_t>(rows, bytes_per_row);
    // Memory that is not touched yet costs nothing; pages get real as positions are written.
    void* memory =
        bytes ? std::aligned_alloc(64, static_cast<size_t>((*bytes + 63) / 64 * 64)) : nullptr;
    if (memory == nullptr) {
      return with_hint(no_memory("no memory for a KV cache of {} rows of {}", rows,
                                 format_bytes(static_cast<uint64_t>(bytes_per_row))),
                       "use a smaller context (-c)");
    }
    store->blocks_.emplace_back(static_cast<uint8_t*>(memory));
    store->bytes_ += static_cast<uint64_t>(*bytes);
    return static_cast<uint8_t*>(memory);
  };
  for (size_t i = 0; i < layout.layers.size(); ++i) {
    const graph::CacheLayer& layer = layout.layers[i];
    KvLayerMemory memory;
    memory.group = layout.group_of_layer[i];
    memory.n_kv_heads = layer.n_kv_heads;
    memory.key_tiles = static_cast<int>(store->k_type_) < kTiledKv && layer.v_size > 0;
    memory.key_bytes = info(layout.format.k).block_bytes;
    const int64_t rows = int64_t{layout.pages_of_group[static_cast<size_t>(memory.group)]} *
                         layer.n_kv_heads * kPagePositions;
    TRY_LET(memory.k_row_bytes, kv_row_bytes(layout.format.k, layer.k_size, "keys"));
    TRY_LET(memory.k, allocate(rows, memory.k_row_bytes));
    if (layer.v_size > 0) {
      TRY_LET(memory.v_row_bytes, kv_row_bytes(layout.format.v, layer.v_size, "values"));
      TRY_LET(memory.v, allocate(rows, memory.v_row_bytes));
    } else {
      memory.v = memory.k;
      memory.v_row_bytes = memory.k_row_bytes;
    }
    store->layers_.push_back(memory);
  }
  return store;
}

void CpuKvStore::copy_page(int group, int from, int to) {
  for (const KvLayerMemory& layer : layers_) {
    if (layer.group != group) continue;
    const int64_t rows = int64_t{layer.n_kv_heads} * kPagePositions;
    std::memcpy(layer.k_tile(to, 0), layer.k_tile(from, 0),
                static_cast<size_t>(rows * layer.k_row_bytes));
    if (layer.v != layer.k) {
      std::memcpy(layer.v_tile(to, 0), layer.v_tile(from, 0),
                  static_cast<size_t>(rows * layer.v_row_bytes));
    }
  }
}

}  // namespace hearth::cpu
