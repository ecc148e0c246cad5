// SPDX-License-Identifier: MIT
// One GGUF file's bytes into metadata and tensors: the only place that touches unchecked numbers of
// a model file. In: bytes that the caller keeps alive.  Out: views into them.
// Source: the GGUF specification, versions 2 and 3.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "file/gguf.h"
#include "file/metadata.h"

namespace hearth::file {

// Caps of RELIABILITY F04. Real files stay far below: 1.2k tensors, 50 keys, 300 KiB templates.
inline constexpr uint64_t kMaxTensors = 65'536;
inline constexpr uint64_t kMaxEntries = 65'536;
inline constexpr uint64_t kMaxTensorName = 256;
inline constexpr uint64_t kMaxKey = 65'535;  // the specification's own bound
inline constexpr uint64_t kMaxString = uint64_t{16} << 20;
// Dimensions are `int` everywhere behind this door.
inline constexpr uint64_t kMaxDimension = 0x7fff'ffff;

inline constexpr uint32_t kGgufMagic = 0x4655'4747;     // "GGUF", little endian
inline constexpr uint32_t kSwappedMagic = 0x4747'5546;  // the same bytes, turned round
inline constexpr uint32_t kMinGgufVersion = 2;
inline constexpr uint32_t kMaxGgufVersion = 3;
inline constexpr uint32_t kDefaultAlignment = 32;
inline constexpr uint32_t kMinAlignment = 8;
inline constexpr uint32_t kMaxAlignment = 65'536;
inline constexpr char kAlignmentKey[] = "general.alignment";

struct GgufPart {
  uint32_t version = 0;
  Metadata metadata;
  std::vector<GgufTensor> tensors;
};

Result<GgufPart> parse_gguf_part(std::span<const uint8_t> bytes);

}  // namespace hearth::file
