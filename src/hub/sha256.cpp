// SPDX-License-Identifier: MIT
#include "hub/sha256.h"

#include <openssl/evp.h>

#include <array>
#include <vector>

#include "base/check.h"
#include "base/units.h"
#include "os/file_handle.h"

namespace hearth::hub {

void Sha256::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  // These fail only where memory is out or libcrypto has no SHA-256: nothing to go on with.
  CHECK(context_ != nullptr);
  CHECK(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
}

void Sha256::add(std::span<const uint8_t> bytes) {
  CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

std::string Sha256::hex() {
  std::array<uint8_t, EVP_MAX_MD_SIZE> digest{};
  unsigned int n = 0;
  CHECK(EVP_DigestFinal_ex(context_.get(), digest.data(), &n) == 1);
  std::string text;
  for (unsigned int i = 0; i < n; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

Result<std::string> sha256_of_file(const std::filesystem::path& path, Progress progress) {
  TRY_LET(const os::FileHandle file, os::open_to_read(path));
  TRY_LET(const uint64_t total, os::size_of(file, path));
  Sha256 digest;
  std::vector<uint8_t> piece(4 * kMiB);
  uint64_t done = 0;
  while (true) {
    TRY_LET(const size_t n, os::read_some(file, piece, path));
    if (n == 0) return digest.hex();
    digest.add(std::span(piece).first(n));
    done += n;
    if (!progress(done, total)) return interrupted("checking {} was stopped", path.string());
  }
}

}  // namespace hearth::hub
