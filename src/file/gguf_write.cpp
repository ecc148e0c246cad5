// SPDX-License-Identifier: MIT
#include "file/gguf_write.h"

#include <bit>
#include <utility>

#include "base/check.h"
#include "base/checked.h"
#include "base/quote.h"
#include "file/gguf_parse.h"
#include "file/split.h"

namespace hearth::file {
namespace {

using Bytes = std::vector<uint8_t>;

template <class T>
void put(Bytes& out, T value) {
  const auto* const from = reinterpret_cast<const uint8_t*>(&value);
  out.insert(out.end(), from, from + sizeof(T));
}

void put_text(Bytes& out, std::string_view text) {
  put<uint64_t>(out, text.size());
  out.insert(out.end(), text.begin(), text.end());
}

void put_value(Bytes& out, const MetaValue& value) {
  put(out, static_cast<uint32_t>(value.type));
  if (value.type == MetaType::kString) put<uint64_t>(out, value.bytes.size());
  if (value.type == MetaType::kArray) {
    put(out, static_cast<uint32_t>(value.element_type));
    put(out, value.count);
  }
  out.insert(out.end(), value.bytes.begin(), value.bytes.end());
}

void pad(Bytes& out, uint32_t alignment) {
  out.resize(*checked_align_up<uint64_t>(out.size(), alignment));
}

Result<uint32_t> alignment_of(const Metadata& metadata) {
  if (!metadata.has(kAlignmentKey)) return kDefaultAlignment;
  const auto value = metadata.integer(kAlignmentKey);
  if (!value || *value < kMinAlignment || *value > kMaxAlignment ||
      !std::has_single_bit(static_cast<uint32_t>(*value))) {
    return invalid("metadata '{}' must be a power of two from {} to {}", kAlignmentKey,
                   kMinAlignment, kMaxAlignment);
  }
  return static_cast<uint32_t>(*value);
}

Status check_tensor(const GgufTensorInfo& tensor) {
  if (tensor.name.empty() || tensor.name.size() > kMaxTensorName) {
    return invalid("tensor {}: a name has 1 to {} bytes", quote(tensor.name), kMaxTensorName);
  }
  for (int i = 0; i < tensor.shape.rank; ++i) {
    if (tensor.shape[i] < 1 || tensor.shape[i] > static_cast<int64_t>(kMaxDimension)) {
      return invalid("tensor {}: shape {}", quote(tensor.name), to_string(tensor.shape));
    }
  }
  if (tensor.shape.cols() % info(tensor.type).block_weights != 0) {
    return invalid("tensor {}: shape {}: a row is not a whole number of {} blocks",
                   quote(tensor.name), to_string(tensor.shape), info(tensor.type).name);
  }
  return {};
}

// Everything before the data section, padded to its start.
Result<Bytes> header(const Metadata& metadata, std::span<const GgufTensorInfo> tensors,
                     uint32_t version, uint32_t alignment) {
  Bytes out;
  put(out, kGgufMagic);
  put(out, version);
  put<uint64_t>(out, tensors.size());
  put<uint64_t>(out, metadata.entries().size());
  for (const auto& [key, value] : metadata.entries()) {
    if (key.empty() || key.size() > kMaxKey) return invalid("metadata {}: key", quote(key));
    put_text(out, key);
    put_value(out, value);
  }
  uint64_t offset = 0;
  for (const GgufTensorInfo& tensor : tensors) {
    TRY(check_tensor(tensor));
    put_text(out, tensor.name);
    put(out, static_cast<uint32_t>(tensor.shape.rank));
    for (int i = tensor.shape.rank - 1; i >= 0; --i) {
      put(out, static_cast<uint64_t>(tensor.shape[i]));
    }
    put(out, static_cast<uint32_t>(tensor.type));
    put(out, offset);
    offset = *checked_align_up<uint64_t>(offset + tensor_bytes(tensor), alignment);
  }
  pad(out, alignment);
  return out;
}

std::vector<GgufTensorInfo> infos_of(std::span<const GgufTensorData> tensors) {
  std::vector<GgufTensorInfo> infos;
  for (const GgufTensorData& tensor : tensors) infos.push_back(tensor.info);
  return infos;
}

Status write_parts(const std::filesystem::path& path, const Metadata& metadata,
                   std::span<const GgufTensorData> tensors) {
  TRY_LET(GgufWriter writer, GgufWriter::create(path, metadata, infos_of(tensors)));
  for (const GgufTensorData& tensor : tensors) TRY(writer.append(tensor.data));
  return writer.commit();
}

}  // namespace

uint64_t tensor_bytes(const GgufTensorInfo& tensor) {
  return static_cast<uint64_t>(tensor.shape.rows() * row_bytes(tensor.type, tensor.shape.cols()));
}

Result<GgufWriter> GgufWriter::create(const std::filesystem::path& path, const Metadata& metadata,
                                      std::vector<GgufTensorInfo> tensors, uint32_t version) {
  TRY_LET(const uint32_t alignment, alignment_of(metadata));
  TRY_LET(const Bytes head, header(metadata, tensors, version, alignment));
  TRY_LET(os::AtomicFile file, os::AtomicFile::create(path));
  uint64_t n_bytes = head.size();
  for (const GgufTensorInfo& tensor : tensors) n_bytes += tensor_bytes(tensor) + alignment;
  TRY(file.reserve(n_bytes));
  TRY(file.write(head));
  return GgufWriter(std::move(file), std::move(tensors), alignment);
}

Status GgufWriter::append(std::span<const uint8_t> data) {
  CHECK(i_next_ < tensors_.size());
  CHECK(data.size() == tensor_bytes(tensors_[i_next_]));
  ++i_next_;
  TRY(file_.write(data));
  const Bytes zeros(*checked_align_up<uint64_t>(data.size(), alignment_) - data.size());
  return file_.write(zeros);
}

Status GgufWriter::commit() {
  CHECK(i_next_ == tensors_.size());
  return file_.commit();
}

Result<std::vector<uint8_t>> gguf_bytes(const Metadata& metadata,
                                        std::span<const GgufTensorData> tensors, uint32_t version) {
  TRY_LET(const uint32_t alignment, alignment_of(metadata));
  TRY_LET(Bytes out, header(metadata, infos_of(tensors), version, alignment));
  size_t n_bytes = out.size();
  for (const GgufTensorData& tensor : tensors) n_bytes += tensor.data.size() + alignment;
  out.reserve(n_bytes);
  for (const GgufTensorData& tensor : tensors) {
    CHECK(tensor.data.size() == tensor_bytes(tensor.info));
    out.insert(out.end(), tensor.data.begin(), tensor.data.end());
    pad(out, alignment);
  }
  return out;
}

Status write_gguf(const std::filesystem::path& path, const Metadata& metadata,
                  std::span<const GgufTensorData> tensors) {
  return write_parts(path, metadata, tensors);
}

Result<std::vector<std::filesystem::path>> write_gguf_split(const std::filesystem::path& folder,
                                                            const std::string& stem,
                                                            const Metadata& metadata,
                                                            std::span<const GgufTensorData> tensors,
                                                            int n_parts) {
  if (n_parts < 1 || !fits<uint16_t>(n_parts)) return invalid("{} parts", n_parts);
  const auto n = static_cast<size_t>(n_parts);
  std::vector<std::filesystem::path> paths;
  for (size_t i = 0; i < n; ++i) {
    Metadata own = i == 0 ? metadata : Metadata{};
    own.set_u16("split.no", static_cast<uint16_t>(i));
    own.set_u16("split.count", static_cast<uint16_t>(n_parts));
    own.set_i32("split.tensors.count", checked_cast<int32_t>(tensors.size()));
    const size_t from = tensors.size() * i / n;
    const size_t to = tensors.size() * (i + 1) / n;
    paths.push_back(folder / split_file_name(stem, static_cast<int>(i) + 1, n_parts));
    TRY(write_parts(paths.back(), own, tensors.subspan(from, to - from)));
  }
  return paths;
}

}  // namespace hearth::file
