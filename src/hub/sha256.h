// SPDX-License-Identifier: MIT
// SHA-256 of bytes that come in pieces. Source: FIPS 180-4; computed by OpenSSL's libcrypto, which
// uses the processor's SHA instructions.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "base/function_ref.h"
#include "base/result.h"

struct evp_md_ctx_st;

namespace hearth::hub {

// Told now and then how far a long work is, in bytes; answers false to stop it (kInterrupted).
using Progress = FunctionRef<bool(uint64_t done, uint64_t total)>;

class Sha256 {
 public:
  Sha256();
  void add(std::span<const uint8_t> bytes);
  // The digest of all bytes so far, 64 lower-case hex digits. Call once, last.
  std::string hex();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

Result<std::string> sha256_of_file(const std::filesystem::path& path, Progress progress);

}  // namespace hearth::hub
