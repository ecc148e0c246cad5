// SPDX-License-Identifier: MIT
// An open-addressing hash index from byte strings to their numbers. Strings stay where they are (a
// mapped file); a slot is 8 bytes; one allocation. Made once, then read by any number of threads.
// A file cannot make it slow: more than kMaxProbes collisions in a row refuse the insertion.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace hearth::text {

// Mixes by a 64 x 64 multiplication, as wyhash does (public domain, Wang Yi).
inline uint64_t mix_hash(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

inline uint64_t hash_bytes(std::string_view bytes) {
  constexpr uint64_t kA = 0xa0761d6478bd642f;
  constexpr uint64_t kB = 0xe7037ed1a0b428db;
  const char* p = bytes.data();
  size_t n = bytes.size();
  uint64_t hash = mix_hash(n ^ kA, kB);
  for (; n >= 8; n -= 8, p += 8) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    hash = mix_hash(hash ^ word ^ kA, kB);
  }
  uint64_t rest = 0;
  for (size_t i = 0; i < n; ++i) rest |= static_cast<uint64_t>(static_cast<uint8_t>(p[i])) << 8 * i;
  return mix_hash(hash ^ rest ^ kB, kA);
}

class FlatIndex {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;
  // Tables are at most three quarters full: runs of this length do not happen by chance.
  static constexpr size_t kMaxProbes = 2048;

  FlatIndex() = default;
  explicit FlatIndex(size_t n_entries) : slots_(std::bit_ceil(n_entries + n_entries / 3 + 2)) {}

  // The number that was put in under `hash` and for which same(number) holds, or kNone.
  template <class Same>
  uint32_t find(uint64_t hash, Same same) const {
    if (slots_.empty()) return kNone;
    const size_t mask = slots_.size() - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
      const Slot& slot = slots_[i];
      if (slot.number == kNone) return kNone;
      if (slot.tag == tag_of(hash) && same(slot.number)) return slot.number;
    }
  }

  enum class Added { kNew, kOld, kCrowded };
  // Keeps an entry that is already there. Not more entries than the constructor was told.
  template <class Same>
  Added add(uint64_t hash, uint32_t number, Same same) {
    const size_t mask = slots_.size() - 1;
    size_t i = hash & mask;
    for (size_t probes = 0; probes < kMaxProbes; ++probes, i = (i + 1) & mask) {
      Slot& slot = slots_[i];
      if (slot.number == kNone) {
        slot = {tag_of(hash), number};
        return Added::kNew;
      }
      if (slot.tag == tag_of(hash) && same(slot.number)) return Added::kOld;
    }
    return Added::kCrowded;
  }

 private:
  struct Slot {
    uint32_t tag = 0;
    uint32_t number = kNone;
  };
  static uint32_t tag_of(uint64_t hash) { return static_cast<uint32_t>(hash >> 32); }

  std::vector<Slot> slots_;
};

}  // namespace hearth::text
