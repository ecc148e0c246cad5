// SPDX-License-Identifier: MIT
// Which tokens may come next, where an answer has to keep to a form (a grammar, a JSON schema, a
// tool call). One answer, one thread.
#pragma once
#include <cstdint>
#include <memory>
#include <span>

#include "base/result.h"

namespace hearth::sample {

class TokenMask {
 public:
  virtual ~TokenMask() = default;

  // One bit per token of the vocabulary, lowest first, in ceil(V / 64) words; empty: all may come.
  // Tokens that end the generation are set exactly where the answer is complete. Never all zero.
  // Valid until accept.
  virtual std::span<const uint64_t> allowed() = 0;
  // The token that came. Errors: it was not allowed.
  virtual Status accept(int32_t id) = 0;
  // Nothing but an end of generation may follow.
  virtual bool complete() const = 0;
  // The same state, going its own way from here.
  virtual std::unique_ptr<TokenMask> clone() const = 0;
};

}  // namespace hearth::sample
