// SPDX-License-Identifier: MIT
// Vectors of FIPS 180-4 (its examples "abc", two blocks, a million 'a') and of the empty message.
#include "hub/sha256.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "os/atomic_file.h"
#include "tests/support/temp_folder.h"

namespace hearth::hub {
namespace {

std::span<const uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

struct Vector {
  std::string text;
  std::string_view hex;
};

const Vector kVectors[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {std::string(1'000'000, 'a'),
     "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
};

TEST(Sha256, the_vectors_of_the_standard_come_out_whole_or_in_pieces) {
  for (const Vector& vector : kVectors) {
    Sha256 whole;
    whole.add(bytes_of(vector.text));
    EXPECT_EQ(whole.hex(), vector.hex);
    Sha256 pieces;
    for (size_t at = 0; at < vector.text.size(); at += 777) {
      pieces.add(bytes_of(std::string_view(vector.text).substr(at, 777)));
    }
    EXPECT_EQ(pieces.hex(), vector.hex);
  }
}

TEST(Sha256, a_file_is_read_with_progress_and_can_be_stopped) {
  const test::TempFolder folder;
  ASSERT_TRUE(os::write_file(folder / "a", kVectors[3].text));
  uint64_t last = 0;
  const auto hex = sha256_of_file(folder / "a", [&](uint64_t done, uint64_t total) {
    EXPECT_GE(done, last);
    EXPECT_EQ(total, kVectors[3].text.size());
    last = done;
    return true;
  });
  EXPECT_EQ(hex.value_or(""), kVectors[3].hex);
  EXPECT_EQ(last, kVectors[3].text.size());
  const auto stopped = sha256_of_file(folder / "a", [](uint64_t, uint64_t) { return false; });
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::kInterrupted);
  EXPECT_FALSE(sha256_of_file(folder / "b", [](uint64_t, uint64_t) { return true; }));
}

}  // namespace
}  // namespace hearth::hub
