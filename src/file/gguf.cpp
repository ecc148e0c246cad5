// SPDX-License-Identifier: MIT
#include "file/gguf.h"

#include <utility>

#include "base/quote.h"
#include "file/gguf_parse.h"
#include "file/split.h"

namespace hearth::file {
namespace {

constexpr char kSplitNo[] = "split.no";
constexpr char kSplitCount[] = "split.count";
constexpr char kSplitTensors[] = "split.tensors.count";
constexpr int kMaxParts = 1024;  // mappings are a limited thing; the largest models have about 200

// The number of parts that the first part speaks of: 1 for a model in one file.
Result<int> split_count(const Metadata& metadata) {
  if (!metadata.has(kSplitCount)) return 1;
  const auto count = metadata.integer(kSplitCount);
  if (!count || *count < 0) return corrupt("metadata '{}': not a count", kSplitCount);
  if (*count > kMaxParts) return over_limit("a model in {} parts, at most {}", *count, kMaxParts);
  return *count == 0 ? 1 : static_cast<int>(*count);
}

// Holds what the file says about its place in a split model against what its name says.
Status check_split_name(const std::filesystem::path& path, const Metadata& metadata, int n_parts) {
  const auto name = parse_split_name(path.filename().string());
  if (name && name->i_part != 1) {
    return with_hint(invalid("this is part {} of {} of a split model", name->i_part, name->n_parts),
                     "give the first part, {}", split_file_name(name->stem, 1, name->n_parts));
  }
  if ((name ? name->n_parts : 1) == n_parts) {
    if (n_parts > 1 && metadata.integer(kSplitNo) != 0) {
      return corrupt("metadata '{}': must be 0 in the first part", kSplitNo);
    }
    return {};
  }
  if (!name) {
    return with_hint(invalid("this is one of {} parts of a split model", n_parts),
                     "name the parts NAME-00001-of-{:05}.gguf and so on, and give the first",
                     n_parts);
  }
  return corrupt("named as the first of {} parts, but metadata '{}' says {}", name->n_parts,
                 kSplitCount, n_parts);
}

Result<os::MappedFile> open_part(const std::filesystem::path& path, int i_part, int n_parts) {
  auto mapped = os::MappedFile::open(path);
  if (mapped || mapped.error().code != ErrorCode::kNotFound) return mapped;
  return with_hint(not_found("part {} of {} is missing: {}", i_part, n_parts, path.string()),
                   "all parts of a split model must lie in one folder");
}

Status check_part(const Metadata& metadata, int i_part, int n_parts) {
  if (metadata.integer(kSplitNo) != i_part || metadata.integer(kSplitCount) != n_parts) {
    return corrupt("does not say that it is part {} of {} (metadata '{}', '{}')", i_part + 1,
                   n_parts, kSplitNo, kSplitCount);
  }
  return {};
}

}  // namespace

// Adds one file's tensors; its metadata too, when it is the first.
Status Gguf::add_part(std::span<const uint8_t> bytes, int i_file) {
  TRY_LET(GgufPart part, parse_gguf_part(bytes));
  if (tensors_.size() + part.tensors.size() > kMaxTensors) {
    return over_limit("more than {} tensors in all parts", kMaxTensors);
  }
  for (GgufTensor& tensor : part.tensors) {
    tensor.i_file = i_file;
    if (!by_name_.emplace(tensor.name, tensors_.size()).second) {
      return corrupt("tensor {}: given twice", quote(tensor.name));
    }
    tensors_.push_back(tensor);
  }
  file_bytes_ += bytes.size();
  if (i_file == 0) {
    version_ = part.version;
    metadata_ = std::move(part.metadata);
    return {};
  }
  TRY_LET(const int n_parts, split_count(metadata_));
  return check_part(part.metadata, i_file, n_parts);
}

Result<Gguf> Gguf::parse(std::span<const uint8_t> bytes) {
  Gguf model;
  TRY(model.add_part(bytes, 0));
  TRY_LET(const int n_parts, split_count(model.metadata_));
  if (n_parts > 1) return unsupported("one of {} parts of a split model, alone", n_parts);
  return model;
}

Result<Gguf> Gguf::open(const std::filesystem::path& path) {
  Gguf model;
  TRY_LET(os::MappedFile first, os::MappedFile::open(path));
  model.parts_.push_back(std::move(first));
  TRY(within(path.string(), model.add_part(model.parts_[0].bytes(), 0)));
  const auto n_parts = within(path.string(), split_count(model.metadata_));
  if (!n_parts) return Failure(n_parts.error());
  TRY(within(path.string(), check_split_name(path, model.metadata_, *n_parts)));
  const auto name = parse_split_name(path.filename().string());
  for (int i = 1; i < *n_parts; ++i) {
    const auto part_path = path.parent_path() / split_file_name(name->stem, i + 1, *n_parts);
    TRY_LET(os::MappedFile part, open_part(part_path, i + 1, *n_parts));
    model.parts_.push_back(std::move(part));
    TRY(within(part_path.string(), model.add_part(model.parts_.back().bytes(), i)));
  }
  const auto promised = model.metadata_.integer(kSplitTensors);
  if (*n_parts > 1 && promised && *promised != static_cast<int64_t>(model.tensors_.size())) {
    return corrupt("{}: expected {} tensors in {} parts, have {}", path.string(), *promised,
                   *n_parts, model.tensors_.size());
  }
  return model;
}

const GgufTensor* Gguf::find(std::string_view name) const {
  const auto it = by_name_.find(name);
  return it == by_name_.end() ? nullptr : &tensors_[it->second];
}

}  // namespace hearth::file
