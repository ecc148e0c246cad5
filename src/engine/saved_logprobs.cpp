// SPDX-License-Identifier: MIT
#include "engine/saved_logprobs.h"

#include <cmath>
#include <cstring>

#include "base/byte_reader.h"
#include "base/checked.h"

namespace hearth::engine {
namespace {

constexpr std::string_view kMagic = "_logits_";

}  // namespace

Result<SavedLogprobs> SavedLogprobs::open(const std::filesystem::path& path) {
  TRY_LET(os::MappedFile file, os::MappedFile::open(path));
  SavedLogprobs saved(std::move(file));
  const auto broken = [&](std::string_view what) {
    return with_hint(corrupt("{}: {}", path.string(), what),
                     "make it with llama-perplexity --kl-divergence-base FILE");
  };
  ByteReader in(saved.file_.bytes());
  const auto magic = in.text(kMagic.size());
  if (!magic || *magic != kMagic) return broken("these are no saved log-probabilities");
  const auto window = in.number<uint32_t>();
  const auto vocab = in.number<int32_t>(), windows = in.number<int32_t>();
  if (!window || !vocab || !windows) return broken("it ends in its head");
  if (*window < 4 || *window > (1u << 24)) return broken("a window has 4 to 16777216 tokens");
  if (*vocab < 1 || *windows < 1) return broken("no vocabulary or no windows");
  saved.n_window_ = static_cast<int>(*window);
  saved.n_vocab_ = *vocab;
  saved.n_windows_ = *windows;

  const uint64_t n_tokens = uint64_t{*window} * static_cast<uint64_t>(*windows);
  const auto ids = in.bytes(4 * n_tokens);
  if (!ids) return broken("it ends in its tokens");
  saved.tokens_.resize(static_cast<size_t>(n_tokens));
  std::memcpy(saved.tokens_.data(), ids->data(), ids->size());
  for (const int32_t id : saved.tokens_) {
    if (id < 0 || id >= *vocab) return broken("a token lies beyond the vocabulary");
  }
  saved.row_bytes_ = 2 * (4 + (static_cast<size_t>(*vocab) + 1) / 2 * 2);
  const auto n_rows = static_cast<uint64_t>(saved.n_scored()) * static_cast<uint64_t>(*windows);
  const auto n_bytes = checked_mul<uint64_t>(n_rows, saved.row_bytes_);
  if (!n_bytes) return broken("more distributions than a file holds");
  const auto rows = in.bytes(*n_bytes);
  if (!rows) return broken("it ends before the last distribution");
  saved.rows_ = *rows;
  return saved;
}

Status SavedLogprobs::read(int64_t i, std::span<float> out) const {
  ByteReader in(rows_.subspan(static_cast<size_t>(i) * row_bytes_, row_bytes_));
  TRY_LET(const float scale, in.number<float>());
  TRY_LET(const float lowest, in.number<float>());
  if (!(scale >= 0) || !std::isfinite(scale) || !std::isfinite(lowest)) {
    return corrupt("{}: distribution {} has no finite scale", file_.path().string(), i);
  }
  const std::span<const uint8_t> steps = rows_.subspan(static_cast<size_t>(i) * row_bytes_ + 8);
  for (size_t v = 0; v < out.size(); ++v) {
    uint16_t step;
    std::memcpy(&step, steps.data() + 2 * v, 2);
    out[v] = lowest + scale * static_cast<float>(step);
  }
  return {};
}

}  // namespace hearth::engine
