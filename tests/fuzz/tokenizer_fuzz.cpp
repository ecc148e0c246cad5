// SPDX-License-Identifier: MIT
// Any small vocabulary times any text. The input: a few bytes of choices, then strings of a length
// byte each: tokens and merges, then the text.
// Oracle: the tokenizer is made or refused with a message; every id is in range; encoding the same
// again gives the same; byte-level and byte-fallback vocabularies give well-formed text back;
// streamed pieces are the whole text's, and stop strings cut where they stand.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "file/metadata.h"
#include "text/bpe.h"
#include "text/stop_matcher.h"
#include "text/stream_decoder.h"
#include "text/tokenizer.h"
#include "text/unicode.h"

namespace hearth::text {
namespace {

constexpr std::string_view kPres[] = {
    "gpt-2",       "default",        "smollm",   "falcon",     "llama-bpe",  "qwen2",
    "qwen35",      "tekken",         "gpt-4o",   "tiny_aya",   "youtu",      "deepseek-llm",
    "deepseek-v3", "deepseek-coder", "spark2_5", "afmoe",      "bloom",      "viking",
    "kimi-k2",     "superbpe",       "jais-2",   "exaone-moe", "seed-coder", "laguna",
    "minicpm5",    "sarvam-moe",     "no-such"};

class Input {
 public:
  Input(const uint8_t* data, size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}
  uint8_t byte() {
    if (rest_.empty()) return 0;
    const uint8_t value = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  std::string string() {
    const size_t n = std::min<size_t>(byte() % 24, rest_.size());
    const std::string taken(rest_.substr(0, n));
    rest_.remove_prefix(n);
    return taken;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

struct Made {
  file::Metadata metadata;
  bool keeps_text = false;  // every byte has a token
};

Made make_metadata(Input& in) {
  Made made;
  const uint8_t choices = in.byte();
  const std::string_view models[] = {"gpt2", "llama", "bert", "gemma4"};
  const std::string_view model = models[choices & 3];
  std::vector<std::string> tokens;
  std::vector<int32_t> types;
  std::vector<float> scores;
  const auto add = [&](std::string text, int32_t type, float score) {
    tokens.push_back(std::move(text));
    types.push_back(type);
    scores.push_back(score);
  };
  add("<unk>", 2, 0);
  made.keeps_text = (choices & 4) != 0 && model != "bert";
  for (int b = 0; made.keeps_text && b < 256; ++b) {
    if (model == "gpt2") {
      add(std::string(byte_character(static_cast<uint8_t>(b))), 1, 0);
    } else {
      add(fmt::format("<0x{:02X}>", b), 6, 0);
    }
  }
  if (made.keeps_text && model != "gpt2") add(std::string(kSpaceMark), 1, 0);
  bool is_plain = true;  // no token that decode shows as something else
  for (int n = in.byte() % 16; n > 0; --n) {
    const uint8_t kind = in.byte();
    add(in.string(), kind % 8, static_cast<float>(kind >> 3));
    is_plain = is_plain && kind % 8 == 1;
  }
  std::vector<std::string> merges;
  for (int n = in.byte() % 16; n > 0; --n) {
    merges.push_back(in.string());
    // Where a merge leads to a text that is no token, byte-level text is lost.
    const size_t space = merges.back().find(' ', 1);
    if (!made.keeps_text || model != "gpt2" || space == std::string::npos) continue;
    std::string merged = merges.back();
    merged.erase(space, 1);
    if (std::find(tokens.begin(), tokens.end(), merged) == tokens.end()) add(merged, 1, 0);
  }
  const std::string_view pre = kPres[in.byte() % std::size(kPres)];
  made.keeps_text = made.keeps_text && is_plain && pre != "sarvam-moe";
  made.metadata.set_text("tokenizer.ggml.model", model);
  made.metadata.set_text("tokenizer.ggml.pre", pre);
  made.metadata.set_texts("tokenizer.ggml.tokens", tokens);
  made.metadata.set_i32s("tokenizer.ggml.token_type", types);
  made.metadata.set_f32s("tokenizer.ggml.scores", scores);
  if (model == "gpt2" || model == "gemma4") {
    made.metadata.set_texts("tokenizer.ggml.merges", merges);
  }
  made.metadata.set_u32("tokenizer.ggml.unknown_token_id", 0);
  made.metadata.set_u32("tokenizer.ggml.bos_token_id", in.byte());
  if (choices & 8) made.metadata.set_bool("tokenizer.ggml.add_bos_token", (choices & 16) != 0);
  if (choices & 32) made.metadata.set_bool("tokenizer.ggml.add_eos_token", (choices & 64) != 0);
  if (choices & 128) made.metadata.set_text("general.name", "phi-3");
  return made;
}

void must(bool holds) {
  if (!holds) std::abort();
}

void check_stream(const Tokenizer& tokenizer, std::span<const TokenId> ids) {
  StreamDecoder stream(tokenizer, true);
  std::string streamed;
  for (const TokenId id : ids) {
    const std::string piece = stream.push(id);
    must(to_valid_utf8(piece) == piece);
    streamed += piece;
  }
  streamed += stream.finish();
  const std::string whole =
      tokenizer.decode(ids, {.show_special = true, .strip_space_prefix = false});
  must(streamed == to_valid_utf8(whole));
  if (streamed.size() < 2) return;
  const std::vector<std::string> stops = {streamed.substr(streamed.size() / 2)};
  StopMatcher matcher(stops);
  std::string shown;
  for (const char c : streamed) {
    if (matcher.push(std::string_view(&c, 1), shown)) break;
  }
  matcher.finish(shown);
  must(streamed.starts_with(shown));
  must(shown.size() <= streamed.size());
}

void check_text(const Tokenizer& tokenizer, std::string_view text, bool keeps_text) {
  for (const bool special : {false, true}) {
    const auto ids = tokenizer.encode(text, {special, special});
    for (const TokenId id : ids) must(tokenizer.contains(id));
    must(tokenizer.encode(text, {special, special}) == ids);
    check_stream(tokenizer, ids);
  }
  const std::string valid = to_valid_utf8(text);
  // What spells a space mark or a byte token is not told from one.
  const bool has_mark =
      valid.find(kSpaceMark) != std::string::npos || valid.find("<0x") != std::string::npos;
  if (!keeps_text || has_mark || tokenizer.loses_bytes_of(valid)) return;
  const auto ids = tokenizer.encode(valid, {false, false});
  must(tokenizer.decode(ids, {.show_special = true}) == valid);
}

}  // namespace
}  // namespace hearth::text

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hearth::text;
  Input in(data, size);
  const Made made = make_metadata(in);
  const auto tokenizer = Tokenizer::make(made.metadata);
  if (!tokenizer) {
    must(!tokenizer.error().message.empty());
    return 0;
  }
  check_text(**tokenizer, in.rest(), made.keeps_text);
  return 0;
}
