// SPDX-License-Identifier: MIT
// The distributions of another run over a text, as llama-perplexity --kl-divergence-base saves
// them: to tell how far a model's are from, say, those of its weights in floats.
//
// The file: "_logits_", u32 window, i32 vocabulary, i32 windows, i32 tokens[windows * window]; then
// for each position whose next token is scored (engine/evaluate.h), in order: f32 scale, f32
// lowest, u16 steps[vocabulary, made even]; a log-probability is lowest + scale * steps. Little
// endian.
#pragma once
#include <vector>

#include "base/result.h"
#include "os/mapped_file.h"

namespace hearth::engine {

class SavedLogprobs {
 public:
  // Errors: no such file, not of this kind, numbers that do not fit the file's size, tokens beyond
  // the vocabulary. Distributions past the file's end (a run that was stopped) are an error too.
  static Result<SavedLogprobs> open(const std::filesystem::path& path);

  int n_window() const { return n_window_; }
  int n_vocab() const { return n_vocab_; }
  int n_windows() const { return n_windows_; }
  // Positions of each window whose next token is scored.
  int n_scored() const { return n_window_ - 1 - n_window_ / 2; }
  std::span<const int32_t> tokens() const { return tokens_; }

  // The distribution of the token after scored position `i` of all windows one after the other, to
  // out[n_vocab]. Errors: numbers that no distribution has.
  Status read(int64_t i, std::span<float> out) const;

 private:
  explicit SavedLogprobs(os::MappedFile file) : file_(std::move(file)) {}

  os::MappedFile file_;
  int n_window_ = 0, n_vocab_ = 0, n_windows_ = 0;
  std::vector<int32_t> tokens_;
  std::span<const uint8_t> rows_;
  size_t row_bytes_ = 0;
};

}  // namespace hearth::engine
