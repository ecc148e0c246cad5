// SPDX-License-Identifier: MIT
#include "tensor/dtype.h"

#include <array>

#include "base/check.h"
#include "tensor/layout/blocks.h"

namespace hearth {
namespace {

using namespace layout;

constexpr std::array kRows = {
    DTypeInfo{DType::kF32, "f32", 1, 4},
    DTypeInfo{DType::kF16, "f16", 1, 2},
    DTypeInfo{DType::kQ4_0, "q4_0", kSmallBlock, sizeof(BlockQ4_0)},
    DTypeInfo{DType::kQ4_1, "q4_1", kSmallBlock, sizeof(BlockQ4_1)},
    DTypeInfo{DType::kQ5_0, "q5_0", kSmallBlock, sizeof(BlockQ5_0)},
    DTypeInfo{DType::kQ5_1, "q5_1", kSmallBlock, sizeof(BlockQ5_1)},
    DTypeInfo{DType::kQ8_0, "q8_0", kSmallBlock, sizeof(BlockQ8_0)},
    DTypeInfo{DType::kQ2_K, "q2_k", kSuperBlock, sizeof(BlockQ2_K)},
    DTypeInfo{DType::kQ3_K, "q3_k", kSuperBlock, sizeof(BlockQ3_K)},
    DTypeInfo{DType::kQ4_K, "q4_k", kSuperBlock, sizeof(BlockQ4_K)},
    DTypeInfo{DType::kQ5_K, "q5_k", kSuperBlock, sizeof(BlockQ5_K)},
    DTypeInfo{DType::kQ6_K, "q6_k", kSuperBlock, sizeof(BlockQ6_K)},
    DTypeInfo{DType::kIQ4_NL, "iq4_nl", kSmallBlock, sizeof(BlockIQ4_NL)},
    DTypeInfo{DType::kIQ4_XS, "iq4_xs", kSuperBlock, sizeof(BlockIQ4_XS)},
    DTypeInfo{DType::kBF16, "bf16", 1, 2},
    DTypeInfo{DType::kMXFP4, "mxfp4", kSmallBlock, sizeof(BlockMXFP4)},
};

// Ids 4, 5 and 31-33, 36-38 belonged to formats that the GGUF specification has withdrawn.
constexpr std::array<std::string_view, 41> kGgufNames = {
    "f32",   "f16",        "q4_0",       "q4_1",       "q4_2",     "q4_3",     "q5_0",
    "q5_1",  "q8_0",       "q8_1",       "q2_k",       "q3_k",     "q4_k",     "q5_k",
    "q6_k",  "q8_k",       "iq2_xxs",    "iq2_xs",     "iq3_xxs",  "iq1_s",    "iq4_nl",
    "iq3_s", "iq2_s",      "iq4_xs",     "i8",         "i16",      "i32",      "i64",
    "f64",   "iq1_m",      "bf16",       "q4_0_4_4",   "q4_0_4_8", "q4_0_8_8", "tq1_0",
    "tq2_0", "iq4_nl_4_4", "iq4_nl_4_8", "iq4_nl_8_8", "mxfp4",    "nvfp4",
};

}  // namespace

std::span<const DTypeInfo> all_dtypes() { return kRows; }

const DTypeInfo& info(DType type) {
  for (const DTypeInfo& row : kRows) {
    if (row.type == type) return row;
  }
  CHECK(!"every DType has a row");
  return kRows[0];
}

std::optional<DType> dtype_from_gguf(uint32_t id) {
  for (const DTypeInfo& row : kRows) {
    if (static_cast<uint32_t>(row.type) == id) return row.type;
  }
  return std::nullopt;
}

std::string_view gguf_type_name(uint32_t id) {
  return id < kGgufNames.size() ? kGgufNames[id] : std::string_view{};
}

std::optional<DType> dtype_from_name(std::string_view name) {
  for (const DTypeInfo& row : kRows) {
    if (row.name == name) return row.type;
  }
  return std::nullopt;
}

int64_t row_bytes(DType type, int64_t n) {
  const DTypeInfo& row = info(type);
  CHECK(n >= 0 && n % row.block_weights == 0);
  return n / row.block_weights * row.block_bytes;
}

}  // namespace hearth
