// SPDX-License-Identifier: MIT
// Bytes that end where the memory ends: one byte read past them is a fault, not luck.
#pragma once
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <span>

namespace hearth::test {

class GuardedBytes {
 public:
  // Room for inputs of up to `capacity` bytes, to be held one after the other.
  explicit GuardedBytes(size_t capacity) {
    const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    room_ = (capacity + page - 1) / page * page;
    mapped_ = room_ + page;
    void* const address =
        ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address == MAP_FAILED ||
        ::mprotect(static_cast<uint8_t*>(address) + room_, page, PROT_NONE) != 0) {
      ADD_FAILURE() << "cannot make a guard page";
      std::abort();
    }
    start_ = static_cast<uint8_t*>(address);
  }
  GuardedBytes(const GuardedBytes&) = delete;
  GuardedBytes& operator=(const GuardedBytes&) = delete;
  ~GuardedBytes() { ::munmap(start_, mapped_); }

  // A copy of `bytes` that ends at the guard page; valid until the next call.
  std::span<uint8_t> hold(std::span<const uint8_t> bytes) {
    if (bytes.size() > room_) {
      ADD_FAILURE() << bytes.size() << " bytes, room for " << room_;
      std::abort();
    }
    uint8_t* const at = start_ + room_ - bytes.size();
    if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
    return {at, bytes.size()};
  }

 private:
  uint8_t* start_ = nullptr;
  size_t room_ = 0;
  size_t mapped_ = 0;
};

}  // namespace hearth::test
