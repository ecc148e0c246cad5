// SPDX-License-Identifier: MIT
// The weight formats as data: one row per format with its block size. Ids are those of the GGUF
// file format, so that a file's number can be looked up directly. Source: the GGUF specification
// (tensor type ids).
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace hearth {

enum class DType : uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ2_K = 10,
  kQ3_K = 11,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kIQ4_NL = 20,
  kIQ4_XS = 23,
  kBF16 = 30,
  kMXFP4 = 39,
};

struct DTypeInfo {
  DType type;
  std::string_view name;  // "q4_k", as in file names, lower case
  int block_weights;      // weights in a block; a row is a whole number of blocks
  int block_bytes;
};

// All formats that hearth can use, in the order of their ids.
std::span<const DTypeInfo> all_dtypes();

// The row of a format that hearth can use.
const DTypeInfo& info(DType type);

// The format with this GGUF id, or nothing where hearth cannot use it.
std::optional<DType> dtype_from_gguf(uint32_t id);

// The name of any GGUF type id that was ever assigned ("iq2_xxs"), or an empty view: for messages.
std::string_view gguf_type_name(uint32_t id);

std::optional<DType> dtype_from_name(std::string_view name);

// Bytes of a row of `n` weights; `n` must be a multiple of block_weights.
int64_t row_bytes(DType type, int64_t n);

}  // namespace hearth
