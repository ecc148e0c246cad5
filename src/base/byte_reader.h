// SPDX-License-Identifier: MIT
// A bounded reader over bytes that somebody else wrote, little endian. It cannot run past its end:
// every read checks what remains and says which offset was short. Borrows the bytes.
#pragma once
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

#include "base/result.h"

namespace hearth {

class ByteReader {
 public:
  explicit ByteReader(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  size_t offset() const { return offset_; }
  size_t remaining() const { return bytes_.size() - offset_; }

  // Reads one little-endian number (the host is little endian; os/ refuses others at start).
  template <class T>
    requires std::is_arithmetic_v<T>
  Result<T> number() {
    if (remaining() < sizeof(T)) return short_read(sizeof(T));
    T value;
    std::memcpy(&value, bytes_.data() + offset_, sizeof(T));
    offset_ += sizeof(T);
    return value;
  }

  // `n` raw bytes, borrowed from the underlying memory.
  Result<std::span<const uint8_t>> bytes(uint64_t n) {
    if (n > remaining()) return short_read(n);
    const auto part = bytes_.subspan(offset_, static_cast<size_t>(n));
    offset_ += static_cast<size_t>(n);
    return part;
  }

  Result<std::string_view> text(uint64_t n) {
    TRY_LET(const auto part, bytes(n));
    return std::string_view(reinterpret_cast<const char*>(part.data()), part.size());
  }

 private:
  Failure short_read(uint64_t wanted) const {
    return corrupt("wanted {} bytes at offset {}, have {}", wanted, offset_, remaining());
  }

  std::span<const uint8_t> bytes_;
  size_t offset_ = 0;
};

}  // namespace hearth
