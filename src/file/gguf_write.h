// SPDX-License-Identifier: MIT
// Writes GGUF v3 (or v2) files: for toy models of tests, the quantizer and the converter.
// In: metadata, the list of tensors, then each tensor's bytes in that order.
// Out: a file that appears whole or not at all (os/atomic_file.h).
// Source: the GGUF specification. Thread rule: one thread at a time.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "file/metadata.h"
#include "os/atomic_file.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace hearth::file {

// What the tensor table says of one tensor. Shape is row-major, fastest last.
struct GgufTensorInfo {
  std::string name;
  DType type = DType::kF32;
  Shape shape;
};

// Bytes of a tensor; the row must be a whole number of blocks.
uint64_t tensor_bytes(const GgufTensorInfo& tensor);

// A tensor with its data, borrowed.
struct GgufTensorData {
  GgufTensorInfo info;
  std::span<const uint8_t> data;  // exactly tensor_bytes(info)
};

inline constexpr uint32_t kWriteVersion = 3;

// Streams a file: create(), then one append() per tensor in the order of the list, then commit().
// The alignment is the metadata's "general.alignment", 32 where it has none.
class GgufWriter {
 public:
  static Result<GgufWriter> create(const std::filesystem::path& path, const Metadata& metadata,
                                   std::vector<GgufTensorInfo> tensors,
                                   uint32_t version = kWriteVersion);
  Status append(std::span<const uint8_t> data);
  Status commit();

 private:
  GgufWriter(os::AtomicFile file, std::vector<GgufTensorInfo> tensors, uint32_t alignment)
      : file_(std::move(file)), tensors_(std::move(tensors)), alignment_(alignment) {}

  os::AtomicFile file_;
  std::vector<GgufTensorInfo> tensors_;
  size_t i_next_ = 0;
  uint32_t alignment_;
};

// The whole file in memory (tests).
Result<std::vector<uint8_t>> gguf_bytes(const Metadata& metadata,
                                        std::span<const GgufTensorData> tensors,
                                        uint32_t version = kWriteVersion);

Status write_gguf(const std::filesystem::path& path, const Metadata& metadata,
                  std::span<const GgufTensorData> tensors);

// Writes STEM-00001-of-000NN.gguf and so on into `folder`, the tensors spread evenly in order.
// Answers the paths; the first one is the one to open.
Result<std::vector<std::filesystem::path>> write_gguf_split(const std::filesystem::path& folder,
                                                            const std::string& stem,
                                                            const Metadata& metadata,
                                                            std::span<const GgufTensorData> tensors,
                                                            int n_parts);

}  // namespace hearth::file
