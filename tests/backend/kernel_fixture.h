// SPDX-License-Identifier: MIT
// What the kernel tests share: memory that ends at a forbidden page, random rows of every format,
// and products in double as the oracle.
#pragma once
#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "backend/cpu/kernel_table.h"
#include "base/check.h"
#include "base/half.h"
#include "codec/codec.h"
#include "tensor/layout/blocks.h"

namespace hearth::cpu {

using Random = std::mt19937;

// `bytes` of memory whose end touches a page that may not be read or written: a kernel that goes
// one byte too far crashes. Before the start lies the rest of a page, filled with 0xa5.
class GuardedBytes {
 public:
  explicit GuardedBytes(size_t bytes) : bytes_(bytes) {
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    mapped_ = (bytes + page - 1) / page * page + page;
    void* memory =
        mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    base_ = static_cast<uint8_t*>(memory);
    std::memset(base_, 0xa5, mapped_ - page);
    CHECK(mprotect(base_ + mapped_ - page, page, PROT_NONE) == 0);
    data_ = base_ + mapped_ - page - bytes;
  }
  GuardedBytes(const GuardedBytes&) = delete;
  GuardedBytes& operator=(const GuardedBytes&) = delete;
  ~GuardedBytes() { munmap(base_, mapped_); }

  uint8_t* data() { return data_; }
  const uint8_t* data() const { return data_; }
  size_t size() const { return bytes_; }
  std::span<uint8_t> span() { return {data_, bytes_}; }

 private:
  size_t bytes_, mapped_ = 0;
  uint8_t* base_ = nullptr;
  uint8_t* data_ = nullptr;
};

// n values of T that end at a forbidden page.
template <class T>
class Guarded {
 public:
  explicit Guarded(size_t n) : bytes_(n * sizeof(T)), n_(n) {}
  explicit Guarded(const std::vector<T>& values) : Guarded(values.size()) {
    if (n_ > 0) std::memcpy(bytes_.data(), values.data(), n_ * sizeof(T));
  }
  T* data() { return reinterpret_cast<T*>(bytes_.data()); }
  const T* data() const { return reinterpret_cast<const T*>(bytes_.data()); }
  T& operator[](size_t i) { return data()[i]; }
  const T& operator[](size_t i) const { return data()[i]; }
  size_t size() const { return n_; }

 private:
  GuardedBytes bytes_;
  size_t n_;
};

inline float normal(Random& random, float sigma = 1.0f) {
  return std::normal_distribution<float>(0.0f, sigma)(random);
}
inline std::vector<float> normal_values(Random& random, size_t n, float sigma = 1.0f) {
  std::vector<float> values(n);
  for (float& value : values) value = normal(random, sigma);
  return values;
}

// A binary16 scale: mostly of usual size, now and then zero, subnormal or large.
inline uint16_t random_scale(Random& random) {
  switch (random() % 16) {
    case 0:
      return f16_from_f32(0.0f);
    case 1:
      return static_cast<uint16_t>(1 + random() % 0x3ff);
    case 2:
      return f16_from_f32(normal(random, 300.0f));
    default:
      return f16_from_f32(normal(random, 0.01f));
  }
}

// Where the binary16 fields of a block lie, and where its codes (everything whose zero leaves
// weight = -min or m).
struct BlockFields {
  std::vector<size_t> scales;
  std::vector<std::pair<size_t, size_t>> codes;  // offset, bytes
};
inline BlockFields fields_of(DType type) {
  using namespace layout;
  switch (type) {
    case DType::kQ4_1:
      return {{0, 2}, {{4, 16}}};
    case DType::kQ5_1:
      return {{0, 2}, {{4, 20}}};
    case DType::kQ2_K:
      return {{offsetof(BlockQ2_K, d), offsetof(BlockQ2_K, dmin)}, {{16, 64}}};
    case DType::kQ3_K:
      return {{offsetof(BlockQ3_K, d)}, {}};
    case DType::kQ4_K:
      return {{0, 2}, {{16, 128}}};
    case DType::kQ5_K:
      return {{0, 2}, {{16, 160}}};
    case DType::kQ6_K:
      return {{offsetof(BlockQ6_K, d)}, {}};
    case DType::kMXFP4:
      return {};
    default:
      return {{0}, {}};
  }
}

// A row of n weights: any codes, sane scales.
inline void random_row(DType type, int64_t n, Random& random, uint8_t* row) {
  const DTypeInfo& format = info(type);
  const int64_t bytes = row_bytes(type, n);
  for (int64_t i = 0; i < bytes; ++i) row[i] = static_cast<uint8_t>(random());
  if (format.block_weights == 1) {
    const std::vector<float> values = normal_values(random, static_cast<size_t>(n));
    CHECK(codec::encode_row(type, values, {row, static_cast<size_t>(bytes)}).has_value());
    return;
  }
  for (uint8_t* block = row; block < row + bytes; block += format.block_bytes) {
    for (const size_t offset : fields_of(type).scales) {
      const uint16_t scale = random_scale(random);
      std::memcpy(block + offset, &scale, 2);
    }
    if (type == DType::kMXFP4) block[0] = static_cast<uint8_t>(110 + random() % 20);
  }
}

inline std::vector<float> decoded(DType type, int64_t n, const uint8_t* row) {
  std::vector<float> values(static_cast<size_t>(n));
  codec::decode_row(type, {row, static_cast<size_t>(row_bytes(type, n))}, values);
  return values;
}

// For each weight the sum of the magnitudes of its terms, |d q| + |min|: what rounding errors are
// relative to.
inline std::vector<float> term_magnitudes(DType type, int64_t n, const uint8_t* row) {
  std::vector<float> weights = decoded(type, n, row);
  std::vector<uint8_t> zeroed(row, row + row_bytes(type, n));
  for (size_t b = 0; b < zeroed.size(); b += static_cast<size_t>(info(type).block_bytes)) {
    for (const auto& [offset, bytes] : fields_of(type).codes) {
      std::memset(zeroed.data() + b + offset, 0, bytes);
    }
  }
  const bool has_min = !fields_of(type).codes.empty();
  const std::vector<float> minima = decoded(type, n, zeroed.data());
  for (size_t i = 0; i < weights.size(); ++i) {
    weights[i] = std::fabs(weights[i]) + (has_min ? 2 * std::fabs(minima[i]) : 0.0f);
  }
  return weights;
}

inline KernelTable table_for(std::string_view isa) {
  Result<KernelTable> table = kernel_table_for(isa);
  CHECK(table.has_value());
  return *table;
}

// A form of the cache and its decoder.
struct StoredKv {
  KvType kv;
  DType type;
};

inline bool same_bits(float a, float b) { return std::memcmp(&a, &b, 4) == 0; }

// Half a unit in the last place of 1.
inline constexpr double kEps = 0x1p-24;

}  // namespace hearth::cpu
