// SPDX-License-Identifier: MIT
#include "engine/repeat_mask.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "engine/answer_reading.h"
#include "text/answer_parser.h"
#include "text/stream_decoder.h"

namespace hearth::engine {
namespace {

class RepeatMask final : public sample::TokenMask {
 public:
  RepeatMask(std::unique_ptr<sample::TokenMask> calls, const text::AnswerFormat& format,
             const text::AnswerOptions& options, const text::Tokenizer& tokenizer)
      : calls_(std::move(calls)),
        format_(format),
        tokenizer_(tokenizer),
        parser_(format, options),
        decoder_(tokenizer, true) {}
  RepeatMask(const RepeatMask& other)
      : calls_(other.calls_->clone()),
        format_(other.format_),
        tokenizer_(other.tokenizer_),
        parser_(other.parser_),
        decoder_(other.decoder_),
        ends_(other.ends_) {}
  RepeatMask& operator=(const RepeatMask&) = delete;

  std::span<const uint64_t> allowed() override {
    const auto all = calls_->allowed();
    if (parser_.n_repeats() == 0 || parser_.is_in_call()) return all;
    if (ends_.empty()) find_ends();
    narrow_.resize(all.size());
    uint64_t any = 0;
    for (size_t i = 0; i < all.size(); ++i) any |= narrow_[i] = all[i] & ends_[i];
    return any == 0 ? all : narrow_;
  }

  Status accept(int32_t id) override {
    TRY(calls_->accept(id));
    if (!tokenizer_.is_end_of_generation(id)) parser_.push(decoder_.push(id));
    return {};
  }

  bool complete() const override { return calls_->complete(); }
  std::unique_ptr<TokenMask> clone() const override { return std::make_unique<RepeatMask>(*this); }

 private:
  // The tokens that end the generation, and those that begin what stands after the last call.
  void find_ends() {
    std::vector<std::string> texts = {"]"};
    std::string begin;
    if (!format_.calls.empty()) {
      texts.push_back(format_.calls[0].end);
      begin = format_.calls[0].begin;
    }
    if (format_.dropped.size() > 1) texts.push_back(format_.dropped[1]);
    ends_.assign((tokenizer_.n_vocab() + 63) / 64, 0);
    std::string piece;
    for (size_t i = 0; i < tokenizer_.n_vocab(); ++i) {
      const auto id = static_cast<text::TokenId>(i);
      piece.clear();
      tokenizer_.append_piece(id, true, piece);
      const bool is_end = !piece.empty() && !begin.starts_with(piece) &&
                          std::any_of(texts.begin(), texts.end(), [&](const std::string& text) {
                            return text.starts_with(piece);
                          });
      if (is_end || tokenizer_.is_end_of_generation(id)) ends_[i / 64] |= uint64_t{1} << (i % 64);
    }
  }

  std::unique_ptr<sample::TokenMask> calls_;
  text::AnswerFormat format_;
  const text::Tokenizer& tokenizer_;
  text::AnswerParser parser_;
  text::StreamDecoder decoder_;
  std::vector<uint64_t> ends_;  // found when they are first needed
  std::vector<uint64_t> narrow_;
};

}  // namespace

std::unique_ptr<sample::TokenMask> end_after_repeats(std::unique_ptr<sample::TokenMask> calls,
                                                     const Job& job, const JobPrompt& prompt,
                                                     const text::Tokenizer& tokenizer) {
  return std::make_unique<RepeatMask>(std::move(calls), prompt.format,
                                      reading_of(job, prompt.text, 0), tokenizer);
}

}  // namespace hearth::engine
