// SPDX-License-Identifier: MIT
// Reads GGUF v2 and v3 model files (little endian), whole or split, mapped into memory: nothing is
// copied and nothing is allocated that the file's real size does not justify (RELIABILITY F01-F05).
// In: a path.  Out: metadata and tensors that borrow the mapping.  Source: the GGUF specification.
// Thread rule: const after open; shared by all users of a model.
#pragma once
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "file/metadata.h"
#include "os/mapped_file.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace hearth::file {

// A tensor of the file. Shape is row-major, fastest last (a file lists it the other way round).
struct GgufTensor {
  std::string_view name;
  uint32_t gguf_type = 0;     // as in the file; may be a format that hearth cannot use
  std::optional<DType> type;  // empty: unsupported, data is empty too
  Shape shape;
  std::span<const uint8_t> data;  // borrowed from the mapping
  int i_file = 0;                 // which part of a split model
};

class Gguf {
 public:
  // Opens one file, or all parts when the name ends in -00001-of-000NN.gguf. Every count, offset,
  // dimension and string is checked against the file's real size; errors name the field or tensor.
  static Result<Gguf> open(const std::filesystem::path& path);

  // Parses bytes that the caller keeps alive (tests, fuzzing).
  static Result<Gguf> parse(std::span<const uint8_t> bytes);

  const Metadata& metadata() const { return metadata_; }
  std::span<const GgufTensor> tensors() const { return tensors_; }
  const GgufTensor* find(std::string_view name) const;  // null where the file has none

  uint32_t version() const { return version_; }
  uint64_t file_bytes() const { return file_bytes_; }  // of all parts
  std::span<const os::MappedFile> parts() const { return parts_; }

 private:
  Status add_part(std::span<const uint8_t> bytes, int i_file);

  std::vector<os::MappedFile> parts_;
  Metadata metadata_;
  std::vector<GgufTensor> tensors_;
  std::unordered_map<std::string_view, size_t> by_name_;
  uint32_t version_ = 0;
  uint64_t file_bytes_ = 0;
};

}  // namespace hearth::file
