// SPDX-License-Identifier: MIT
// Streams of text: whole characters only, and stop strings, whatever the pieces.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "tests/text/toy_vocab.h"
#include "text/stop_matcher.h"
#include "text/stream_decoder.h"
#include "text/unicode.h"

namespace hearth::text {
namespace {

bool is_valid(std::string_view text) { return to_valid_utf8(text) == text; }

// Every string of up to four of these bytes holds every way to break a character.
TEST(Utf8Stream, every_cut_of_every_short_string_gives_the_same_text) {
  const std::string bytes = "a\x80\xBF\x9F\xC3\xE2\xED\xA0\xF0\xF4\xFF";
  std::vector<std::string> strings = {""};
  for (size_t i = 0; i < strings.size(); ++i) {
    if (strings[i].size() == 4) break;
    for (const char c : bytes) strings.push_back(strings[i] + c);
  }
  for (const std::string& text : strings) {
    const std::string whole = to_valid_utf8(text);
    for (uint32_t cuts = 0; cuts < 8; ++cuts) {  // bit i: cut behind byte i
      Utf8Stream stream;
      std::string shown;
      std::string piece;
      for (size_t i = 0; i < text.size(); ++i) {
        piece += text[i];
        if (!(cuts >> i & 1) && i + 1 < text.size()) continue;
        const std::string out = stream.push(piece);
        ASSERT_TRUE(is_valid(out));
        shown += out;
        piece.clear();
      }
      shown += stream.finish();
      ASSERT_EQ(shown, whole);
      ASSERT_FALSE(stream.is_waiting());
    }
  }
}

TEST(StreamDecoder, a_character_in_four_tokens_is_shown_when_it_is_whole) {
  const auto metadata = test::toy_bpe().metadata();
  const auto tokenizer = Tokenizer::make(metadata);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  const auto ids = (*tokenizer)->encode("x\U0001F600y", {false, false});
  ASSERT_EQ(ids.size(), 6U);
  StreamDecoder decoder(**tokenizer);
  std::vector<std::string> shown;
  for (const TokenId id : ids) shown.push_back(decoder.push(id));
  EXPECT_EQ(shown, (std::vector<std::string>{"x", "", "", "", "\U0001F600", "y"}));
  EXPECT_EQ(decoder.push(ids[1]), "");
  EXPECT_EQ(decoder.finish(), "\uFFFD");
  EXPECT_EQ(decoder.finish(), "");
}

TEST(StreamDecoder, control_tokens_are_shown_only_on_demand) {
  auto vocab = test::toy_bpe();
  const TokenId end = vocab.add("<|im_end|>", 3);
  const auto metadata = vocab.metadata();
  const auto tokenizer = Tokenizer::make(metadata);
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  EXPECT_EQ(StreamDecoder(**tokenizer).push(end), "");
  EXPECT_EQ(StreamDecoder(**tokenizer, true).push(end), "<|im_end|>");
}

struct Stopped {
  std::string text;
  std::string stop;
  bool operator==(const Stopped&) const = default;
};

// The definition: the stop that ends first; of two, the longer one.
Stopped naive_stop(const std::string& text, const std::vector<std::string>& stops) {
  for (size_t end = 1; end <= text.size(); ++end) {
    const std::string* longest = nullptr;
    for (const std::string& stop : stops) {
      if (stop.empty() || !std::string_view(text).substr(0, end).ends_with(stop)) continue;
      if (longest == nullptr || stop.size() > longest->size()) longest = &stop;
    }
    if (longest != nullptr) return {text.substr(0, end - longest->size()), *longest};
  }
  return {text, ""};
}

TEST(StopMatcher, random_texts_in_random_pieces_stop_where_the_definition_says) {
  std::mt19937 random(7);
  const auto pick = [&](size_t n) { return static_cast<size_t>(random() % n); };
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (size_t n = pick(24); n > 0; --n) text += "ab"[pick(2)];
    std::vector<std::string> stops;
    for (size_t n = pick(4); n > 0; --n) {
      std::string stop;
      for (size_t k = pick(6); k > 0; --k) stop += "ab"[pick(2)];
      stops.push_back(stop);
    }
    StopMatcher matcher(stops);
    Stopped found;
    for (size_t at = 0; at < text.size();) {
      const size_t n = 1 + pick(5);
      if (matcher.push(std::string_view(text).substr(at, n), found.text)) break;
      at += n;
    }
    if (matcher.stopped()) found.stop = matcher.found();
    matcher.finish(found.text);
    ASSERT_EQ(found, naive_stop(text, stops)) << text;
  }
}

TEST(StopMatcher, text_is_held_back_no_longer_than_it_may_be_a_stop) {
  const std::vector<std::string> stops = {"</answer>"};
  StopMatcher matcher(stops);
  std::string shown;
  EXPECT_FALSE(matcher.push("a < b </ans", shown));
  EXPECT_EQ(shown, "a < b ");
  EXPECT_FALSE(matcher.push("x", shown));
  EXPECT_EQ(shown, "a < b </ansx");
  EXPECT_FALSE(matcher.push("</answe", shown));
  EXPECT_EQ(shown, "a < b </ansx");
  EXPECT_TRUE(matcher.push("r> and more", shown));
  EXPECT_EQ(shown, "a < b </ansx");
  EXPECT_EQ(matcher.found(), "</answer>");
  EXPECT_TRUE(matcher.push("never", shown));
  EXPECT_EQ(shown, "a < b </ansx");
  matcher.reset();
  EXPECT_FALSE(matcher.push("again", shown));
  EXPECT_EQ(shown, "a < b </ansxagain");
}

TEST(StopMatcher, characters_stay_whole_though_stops_share_their_first_bytes) {
  const std::vector<std::string> stops = {"\u1ED9", "\u1ED8x"};  // both start with E1 BB
  StopMatcher matcher(stops);
  std::string shown;
  for (const std::string piece : {"\u1ED7", "\u1ED8", "\u1EDA", "\u1ED8"}) {
    ASSERT_FALSE(matcher.push(piece, shown));
    EXPECT_TRUE(is_valid(shown));
  }
  EXPECT_EQ(shown, "\u1ED7\u1ED8\u1EDA");
  EXPECT_TRUE(matcher.push("x", shown));
  EXPECT_EQ(shown, "\u1ED7\u1ED8\u1EDA");
}

}  // namespace
}  // namespace hearth::text
