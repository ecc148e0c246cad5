// SPDX-License-Identifier: MIT
#include "file/gguf_parse.h"

#include <algorithm>
#include <bit>
#include <string>
#include <utility>

#include "base/byte_reader.h"
#include "base/checked.h"
#include "base/quote.h"

namespace hearth::file {
namespace {

// The fewest bytes that an entry or a tensor row can take; counts are held against them before
// anything is allocated.
constexpr uint64_t kMinEntryBytes = 8 + 1 + 4 + 1;       // key length, key, type, value
constexpr uint64_t kMinTensorBytes = 8 + 1 + 4 + 4 + 8;  // name length, name, rank, type, offset
constexpr uint32_t kMetaTypes = 13;

// A tensor row whose data is not placed yet.
struct Pending {
  uint64_t offset = 0;  // in the data section
  uint64_t bytes = 0;   // 0 where the format is unknown

  // A tensor of unknown size still owns its first byte.
  uint64_t least_bytes() const { return std::max<uint64_t>(bytes, 1); }
};

class PartParser {
 public:
  explicit PartParser(std::span<const uint8_t> bytes) : bytes_(bytes), in_(bytes) {}

  Result<GgufPart> run() {
    TRY(read_header());
    TRY(read_entries());
    TRY(read_alignment());
    TRY(read_tensors());
    TRY(place_tensors());
    return std::move(part_);
  }

 private:
  Status read_header();
  Status read_entries();
  Result<std::string_view> read_key();
  Result<MetaValue> read_value();
  Result<MetaValue> read_array();
  Result<uint64_t> skip_strings(uint64_t count);
  Status read_alignment();
  Status read_tensors();
  Result<GgufTensor> read_tensor_name();
  Status read_tensor_facts(GgufTensor& tensor, Pending& pending);
  Status read_shape(GgufTensor& tensor);
  Status place_tensors();
  Status check_overlap() const;

  std::span<const uint8_t> bytes_;
  ByteReader in_;
  GgufPart part_;
  std::vector<Pending> pending_;
  uint64_t n_tensors_ = 0;
  uint64_t n_entries_ = 0;
  uint32_t alignment_ = kDefaultAlignment;
};

// What a file that is no GGUF most likely is instead.
Failure wrong_magic(std::span<const uint8_t> bytes) {
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()),
                              std::min<size_t>(bytes.size(), 64));
  Failure failure = corrupt("not a GGUF file: starts with {}",
                            quote(head.substr(0, std::min<size_t>(4, head.size()))));
  if (head.starts_with("version https://git-lfs")) {
    return with_hint(std::move(failure), "this is a Git LFS pointer: fetch the file itself");
  }
  if (head.starts_with("<")) {
    return with_hint(std::move(failure), "this looks like a web page: download the file again");
  }
  if (head.starts_with("PK")) {
    return with_hint(std::move(failure), "this is a zip archive: unpack it first");
  }
  return failure;
}

Status PartParser::read_header() {
  if (bytes_.empty()) return corrupt("the file is empty");
  const auto magic = in_.number<uint32_t>();
  if (!magic) return wrong_magic(bytes_);
  const bool swapped_magic = *magic == kSwappedMagic;
  if (*magic != kGgufMagic && !swapped_magic) return wrong_magic(bytes_);
  TRY_LET(part_.version, within("version", in_.number<uint32_t>()));
  if (swapped_magic || (part_.version != 0 && (part_.version & 0xffffu) == 0)) {
    return with_hint(unsupported("a big-endian GGUF file"),
                     "convert it to little endian, or get the usual file");
  }
  if (part_.version < kMinGgufVersion || part_.version > kMaxGgufVersion) {
    return unsupported("GGUF version {}: hearth reads versions {} and {}", part_.version,
                       kMinGgufVersion, kMaxGgufVersion);
  }
  TRY_LET(n_tensors_, within("tensor count", in_.number<uint64_t>()));
  TRY_LET(n_entries_, within("metadata count", in_.number<uint64_t>()));
  if (n_tensors_ > in_.remaining() / kMinTensorBytes) {
    return corrupt("tensor count: {} do not fit into the {} bytes that follow", n_tensors_,
                   in_.remaining());
  }
  if (n_tensors_ > kMaxTensors) {
    return over_limit("tensor count: {}, at most {}", n_tensors_, kMaxTensors);
  }
  if (n_entries_ > in_.remaining() / kMinEntryBytes) {
    return corrupt("metadata count: {} do not fit into the {} bytes that follow", n_entries_,
                   in_.remaining());
  }
  if (n_entries_ > kMaxEntries) {
    return over_limit("metadata count: {}, at most {}", n_entries_, kMaxEntries);
  }
  return {};
}

Result<std::string_view> PartParser::read_key() {
  TRY_LET(const uint64_t length, in_.number<uint64_t>());
  if (length == 0) return corrupt("the key is empty");
  if (length > kMaxKey && length <= in_.remaining()) {
    return over_limit("the key has {} bytes, at most {}", length, kMaxKey);
  }
  return in_.text(length);
}

Status PartParser::read_entries() {
  for (uint64_t i = 0; i < n_entries_; ++i) {
    const auto key = read_key();
    if (!key) {
      return Failure(
          within(fmt::format("metadata entry {} of {}", i + 1, n_entries_), key.error()));
    }
    auto value = read_value();
    if (!value) return Failure(within(fmt::format("metadata {}", quote(*key)), value.error()));
    if (part_.metadata.has(*key)) return corrupt("metadata {}: given twice", quote(*key));
    part_.metadata.set(std::string(*key), *std::move(value));
  }
  return {};
}

Result<MetaValue> PartParser::read_value() {
  TRY_LET(const uint32_t type_id, in_.number<uint32_t>());
  if (type_id >= kMetaTypes) return corrupt("no value type has the number {}", type_id);
  const auto type = static_cast<MetaType>(type_id);
  if (type == MetaType::kArray) return read_array();
  MetaValue value{.type = type, .element_type = type};
  if (type == MetaType::kString) {
    TRY_LET(const uint64_t length, in_.number<uint64_t>());
    if (length > kMaxString && length <= in_.remaining()) {
      return over_limit("a string of {} bytes, at most {}", length, kMaxString);
    }
    TRY_LET(value.bytes, in_.bytes(length));
    return value;
  }
  TRY_LET(value.bytes, in_.bytes(meta_type_bytes(type)));
  if (type == MetaType::kBool && value.bytes[0] > 1) {
    return corrupt("a bool with the value {}", value.bytes[0]);
  }
  return value;
}

Result<MetaValue> PartParser::read_array() {
  TRY_LET(const uint32_t type_id, in_.number<uint32_t>());
  if (type_id >= kMetaTypes) return corrupt("no value type has the number {}", type_id);
  const auto element_type = static_cast<MetaType>(type_id);
  if (element_type == MetaType::kArray) return unsupported("arrays of arrays");
  TRY_LET(const uint64_t count, in_.number<uint64_t>());
  MetaValue value{.type = MetaType::kArray, .element_type = element_type, .count = count};
  if (element_type == MetaType::kString) {
    const size_t start = in_.offset();
    TRY_LET(const uint64_t size, skip_strings(count));
    value.bytes = bytes_.subspan(start, static_cast<size_t>(size));
    return value;
  }
  const auto size = checked_mul<uint64_t>(count, meta_type_bytes(element_type));
  if (!size || *size > in_.remaining()) {
    return corrupt("{} elements of type {} do not fit into the {} bytes that follow", count,
                   meta_type_name(element_type), in_.remaining());
  }
  TRY_LET(value.bytes, in_.bytes(*size));
  if (element_type == MetaType::kBool &&
      std::any_of(value.bytes.begin(), value.bytes.end(), [](uint8_t b) { return b > 1; })) {
    return corrupt("a bool that is neither 0 nor 1");
  }
  return value;
}

// Walks over `count` strings and answers the bytes they take.
Result<uint64_t> PartParser::skip_strings(uint64_t count) {
  const size_t start = in_.offset();
  if (count > in_.remaining() / sizeof(uint64_t)) {
    return corrupt("{} strings do not fit into the {} bytes that follow", count, in_.remaining());
  }
  for (uint64_t i = 0; i < count; ++i) {
    const auto length = in_.number<uint64_t>();
    if (!length) return Failure(within(fmt::format("string {}", i), length.error()));
    if (*length > kMaxString && *length <= in_.remaining()) {
      return over_limit("string {} has {} bytes, at most {}", i, *length, kMaxString);
    }
    const auto text = in_.bytes(*length);
    if (!text) return Failure(within(fmt::format("string {}", i), text.error()));
  }
  return in_.offset() - start;
}

Status PartParser::read_alignment() {
  const MetaValue* const value = part_.metadata.find(kAlignmentKey);
  if (!value) return {};
  if (value->type != MetaType::kU32) {
    return corrupt("metadata '{}': of type {}, must be u32", kAlignmentKey,
                   meta_type_name(value->type));
  }
  const auto alignment = static_cast<uint32_t>(*part_.metadata.integer(kAlignmentKey));
  if (!std::has_single_bit(alignment) || alignment < kMinAlignment || alignment > kMaxAlignment) {
    return corrupt("metadata '{}': {}, must be a power of two from {} to {}", kAlignmentKey,
                   alignment, kMinAlignment, kMaxAlignment);
  }
  alignment_ = alignment;
  return {};
}

Status PartParser::read_tensors() {
  if (n_tensors_ > in_.remaining() / kMinTensorBytes) {
    return corrupt("tensor table: {} tensors do not fit into the {} bytes that follow", n_tensors_,
                   in_.remaining());
  }
  part_.tensors.reserve(n_tensors_);
  pending_.reserve(n_tensors_);
  for (uint64_t i = 0; i < n_tensors_; ++i) {
    auto tensor = read_tensor_name();
    if (!tensor) {
      return Failure(within(fmt::format("tensor {} of {}", i + 1, n_tensors_), tensor.error()));
    }
    Pending pending;
    const Status facts = read_tensor_facts(*tensor, pending);
    if (!facts)
      return Failure(within(fmt::format("tensor {}", quote(tensor->name)), facts.error()));
    part_.tensors.push_back(*tensor);
    pending_.push_back(pending);
  }
  return {};
}

Result<GgufTensor> PartParser::read_tensor_name() {
  TRY_LET(const uint64_t length, in_.number<uint64_t>());
  if (length == 0) return corrupt("the name is empty");
  if (length > kMaxTensorName && length <= in_.remaining()) {
    return over_limit("the name has {} bytes, at most {}", length, kMaxTensorName);
  }
  GgufTensor tensor;
  TRY_LET(tensor.name, in_.text(length));
  return tensor;
}

Status PartParser::read_shape(GgufTensor& tensor) {
  TRY_LET(const uint32_t rank, in_.number<uint32_t>());
  if (rank > Shape::kMaxRank) {
    return unsupported("{} dimensions, at most {}", rank, Shape::kMaxRank);
  }
  tensor.shape.rank = static_cast<int>(rank);
  for (uint32_t i = 0; i < rank; ++i) {
    TRY_LET(const uint64_t dim, in_.number<uint64_t>());
    if (dim == 0) return corrupt("dimension {} is 0", i);
    if (dim > kMaxDimension)
      return over_limit("dimension {} is {}, at most {}", i, dim, kMaxDimension);
    tensor.shape.dims[rank - 1 - i] = static_cast<int64_t>(dim);
  }
  return {};
}

Status PartParser::read_tensor_facts(GgufTensor& tensor, Pending& pending) {
  TRY(read_shape(tensor));
  TRY_LET(tensor.gguf_type, in_.number<uint32_t>());
  TRY_LET(pending.offset, in_.number<uint64_t>());
  if (pending.offset % alignment_ != 0) {
    return corrupt("offset {} is not a multiple of the alignment {}", pending.offset, alignment_);
  }
  int64_t elements = 1;
  for (int i = 0; i < tensor.shape.rank; ++i) {
    const auto product = checked_mul<int64_t>(elements, tensor.shape[i]);
    if (!product) return corrupt("shape {}: too many elements", to_string(tensor.shape));
    elements = *product;
  }
  tensor.type = dtype_from_gguf(tensor.gguf_type);
  if (!tensor.type) return {};
  const DTypeInfo& format = info(*tensor.type);
  if (tensor.shape.cols() % format.block_weights != 0) {
    return corrupt("shape {}: a row of {} weights is not a whole number of {} blocks of {}",
                   to_string(tensor.shape), tensor.shape.cols(), format.name, format.block_weights);
  }
  const auto bytes = checked_mul<int64_t>(elements / format.block_weights, format.block_bytes);
  if (!bytes) return corrupt("shape {}: too many bytes", to_string(tensor.shape));
  pending.bytes = static_cast<uint64_t>(*bytes);
  return {};
}

Status PartParser::place_tensors() {
  if (n_tensors_ == 0) return {};
  const auto start = checked_align_up<uint64_t>(in_.offset(), alignment_);
  if (!start) return corrupt("the data section starts past the end of all files");
  // The end of the last tensor first, so that one message tells the whole size that is missing.
  uint64_t expected = *start;
  size_t i_last = 0;
  for (size_t i = 0; i < pending_.size(); ++i) {
    const auto from = checked_add<uint64_t>(*start, pending_[i].offset);
    const auto end = from ? checked_add<uint64_t>(*from, pending_[i].least_bytes()) : std::nullopt;
    if (!end) {
      return corrupt("tensor {}: offset {} overflows", quote(part_.tensors[i].name),
                     pending_[i].offset);
    }
    if (*end > expected) {
      expected = *end;
      i_last = i;
    }
  }
  if (expected > bytes_.size()) {
    return with_hint(corrupt("the file is incomplete: expected {} bytes, have {} (tensor {} ends "
                             "past the end)",
                             expected, bytes_.size(), quote(part_.tensors[i_last].name)),
                     "download or copy the file again");
  }
  TRY(check_overlap());
  for (size_t i = 0; i < pending_.size(); ++i) {
    part_.tensors[i].data = bytes_.subspan(static_cast<size_t>(*start + pending_[i].offset),
                                           static_cast<size_t>(pending_[i].bytes));
  }
  return {};
}

Status PartParser::check_overlap() const {
  std::vector<uint32_t> order(pending_.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<uint32_t>(i);
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return pending_[a].offset < pending_[b].offset; });
  for (size_t i = 1; i < order.size(); ++i) {
    const Pending& before = pending_[order[i - 1]];
    const Pending& after = pending_[order[i]];
    if (before.offset + before.least_bytes() > after.offset) {
      return corrupt("tensors {} and {} overlap", quote(part_.tensors[order[i - 1]].name),
                     quote(part_.tensors[order[i]].name));
    }
  }
  return {};
}

}  // namespace

Result<GgufPart> parse_gguf_part(std::span<const uint8_t> bytes) { return PartParser(bytes).run(); }

}  // namespace hearth::file
