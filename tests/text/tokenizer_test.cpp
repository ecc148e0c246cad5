// SPDX-License-Identifier: MIT
// Tokenizers on toy vocabularies, held against the plainest algorithms there are, and the errors of
// vocabularies that are broken.
#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <list>
#include <map>
#include <optional>
#include <random>

#include "base/clock.h"
#include "tests/text/toy_vocab.h"

namespace hearth::text {
namespace {

using test::toy_bpe;
using test::toy_spm;
using test::ToyVocab;

std::unique_ptr<Tokenizer> make(const file::Metadata& metadata) {
  auto made = Tokenizer::make(metadata);
  EXPECT_TRUE(made) << made.error().message;
  return made ? std::move(*made) : nullptr;
}

std::string random_text(std::mt19937& random, std::string_view alphabet, size_t max_bytes) {
  std::string text;
  for (size_t n = random() % (max_bytes + 1); n > 0; --n) {
    text += alphabet[random() % alphabet.size()];
  }
  return text;
}

// Merges the first of the best pairs until there is none.
template <class Rank>  // Rank(left, right) → smaller is better, or nothing
std::vector<std::string> naive_merge(std::vector<std::string> parts, Rank rank) {
  for (;;) {
    size_t best = parts.size();
    std::optional<double> best_rank;
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
      const std::optional<double> here = rank(parts[i], parts[i + 1]);
      if (here && (!best_rank || *here < *best_rank)) {
        best_rank = here;
        best = i;
      }
    }
    if (!best_rank) return parts;
    parts[best] += parts[best + 1];
    parts.erase(parts.begin() + static_cast<ptrdiff_t>(best) + 1);
  }
}

std::vector<std::string> characters(const std::string& text) {
  std::vector<std::string> parts;
  for (const char c : text) parts.emplace_back(1, c);
  return parts;
}

TEST(Tokenizer, byte_pairs_merge_as_in_the_definition) {
  std::mt19937 random(1);
  for (int round = 0; round < 60; ++round) {
    ToyVocab vocab = toy_bpe();
    std::map<std::pair<std::string, std::string>, double> ranks;
    std::vector<std::string> known = {"a", "b", "c"};
    std::map<std::string, TokenId> ids;
    for (size_t i = 0; i < vocab.tokens.size(); ++i) {
      ids[vocab.tokens[i]] = static_cast<TokenId>(i);
    }
    for (int n = 0; n < 12; ++n) {
      const std::string left = known[random() % known.size()];
      const std::string right = known[random() % known.size()];
      ranks.emplace(std::pair(left, right), static_cast<double>(vocab.merges.size()));
      vocab.merges.push_back(left + " " + right);
      known.push_back(left + right);
      // Some merges lead to a text that is no token: it falls apart into bytes again.
      if (random() % 5 != 0 && !ids.contains(left + right)) {
        ids[left + right] = vocab.add(left + right);
      }
    }
    const auto metadata = vocab.metadata();
    const auto tokenizer = make(metadata);
    for (int k = 0; k < 60; ++k) {
      const std::string text = random_text(random, "aabbc", 40);
      std::vector<TokenId> expected;
      for (const std::string& part :
           naive_merge(characters(text), [&](const auto& left, const auto& right) {
             const auto rank = ranks.find(std::pair(left, right));
             return rank == ranks.end() ? std::nullopt : std::optional(rank->second);
           })) {
        if (ids.contains(part)) {
          expected.push_back(ids[part]);
        } else {
          for (const char c : part) expected.push_back(ids[std::string(1, c)]);
        }
      }
      ASSERT_EQ(tokenizer->encode(text), expected) << text;
    }
  }
}

TEST(Tokenizer, scored_pairs_merge_as_in_the_definition) {
  std::mt19937 random(2);
  for (int round = 0; round < 60; ++round) {
    ToyVocab vocab = toy_spm();
    std::map<std::string, TokenId> ids;
    for (const char c : std::string("ab")) {
      ids[std::string(1, c)] = vocab.add(std::string(1, c), 1, -5);
    }
    for (int n = 0; n < 10; ++n) {
      const std::string text = random_text(random, "abc", 6);
      if (text.empty() || ids.contains(text)) continue;
      // Few distinct scores, so that ties happen.
      ids[text] = vocab.add(text, 1, static_cast<float>(random() % 4));
    }
    auto metadata = vocab.metadata();
    metadata.set_bool("tokenizer.ggml.add_space_prefix", false);
    const auto tokenizer = make(metadata);
    for (int k = 0; k < 60; ++k) {
      const std::string text = random_text(random, "aabbc", 30);
      std::vector<TokenId> expected;
      for (const std::string& part :
           naive_merge(characters(text), [&](const auto& left, const auto& right) {
             const auto id = ids.find(left + right);
             return id == ids.end() ? std::nullopt
                                    : std::optional<double>(-tokenizer->token_score(id->second));
           })) {
        if (ids.contains(part)) {
          expected.push_back(ids[part]);
        } else {
          for (const char c : part) {
            expected.push_back(tokenizer->find_token(
                fmt::format("<0x{:02X}>", static_cast<unsigned>(static_cast<uint8_t>(c)))));
          }
        }
      }
      ASSERT_EQ(tokenizer->encode(text, {false, true}), expected) << text;
    }
  }
}

// Token by token, longest first, over a list of pieces of text: the definition of the reference.
std::vector<std::string> naive_partition(const std::string& text,
                                         std::vector<std::string> specials) {
  std::sort(specials.begin(), specials.end(),
            [](const auto& a, const auto& b) { return a.size() > b.size(); });
  std::list<std::pair<bool, std::string>> pieces = {{false, text}};
  for (const std::string& special : specials) {
    for (auto piece = pieces.begin(); piece != pieces.end(); ++piece) {
      if (piece->first) continue;
      const size_t at = piece->second.find(special);
      if (at == std::string::npos) continue;
      const auto rest = std::next(piece);
      pieces.insert(rest, {true, special});
      pieces.insert(rest, {false, piece->second.substr(at + special.size())});
      piece->second.resize(at);
    }
  }
  std::vector<std::string> out;
  for (const auto& [is_special, content] : pieces) {
    if (is_special || !content.empty()) out.push_back((is_special ? "!" : "") + content);
  }
  return out;
}

TEST(Tokenizer, special_tokens_are_cut_out_as_in_the_definition) {
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    ToyVocab vocab = toy_bpe();
    std::vector<std::string> specials;
    for (size_t length = 1; length <= 5; ++length) {  // one of each length: no ties
      std::string special = "<";
      while (special.size() < length + 1) special += "<a>"[random() % 3];
      specials.push_back(special);
      vocab.add(special, 3);
    }
    const auto metadata = vocab.metadata();
    const auto tokenizer = make(metadata);
    for (int k = 0; k < 40; ++k) {
      const std::string text = random_text(random, "<<aa>b", 30);
      std::vector<std::string> found;
      std::string plain;
      const auto finish = [&] {
        if (!plain.empty()) found.push_back(plain);
        plain.clear();
      };
      for (const TokenId id : tokenizer->encode(text)) {
        if (!tokenizer->is_control(id)) {
          plain += tokenizer->piece(id, true);
          continue;
        }
        finish();
        found.push_back("!" + std::string(tokenizer->token_text(id)));
      }
      finish();
      ASSERT_EQ(found, naive_partition(text, specials)) << text;
      // Without parse_special, control tokens are plain characters.
      for (const TokenId id : tokenizer->encode(text, {true, false})) {
        ASSERT_FALSE(tokenizer->is_control(id));
      }
    }
  }
}

TEST(Tokenizer, user_defined_tokens_count_in_any_text) {
  ToyVocab vocab = toy_bpe();
  const TokenId user = vocab.add("<table>", 4);
  const auto metadata = vocab.metadata();
  const auto tokenizer = make(metadata);
  EXPECT_EQ(tokenizer->encode("<table>", {false, false}), std::vector<TokenId>{user});
  EXPECT_EQ(tokenizer->decode(std::vector<TokenId>{user}), "<table>");
}

TEST(Tokenizer, shielded_texts_spell_no_control_token_and_lose_no_character) {
  ToyVocab vocab = toy_bpe();
  for (const char* const token : {"<a>", "<<a>b", "a>b<", ">b<"}) vocab.add(token, 3);
  const TokenId user = vocab.add("<u>", 4);
  const auto metadata = vocab.metadata();
  const auto tokenizer = make(metadata);
  const std::string shield = "\uFDD0";
  std::mt19937 random(4);
  size_t n_shielded = 0;
  for (int i = 0; i < 3000; ++i) {
    const std::string text = random_text(random, "<<aa>bu", 20);
    const std::string safe = tokenizer->shielded(text, shield, false);
    n_shielded += safe != text;
    const auto ids =
        tokenizer->encode(safe, {.add_special = false, .parse_special = true, .shield = shield});
    std::string back;
    for (const TokenId id : ids) {
      ASSERT_FALSE(tokenizer->is_control(id)) << text;
      back += tokenizer->piece(id, true);
    }
    ASSERT_EQ(back, text);
    // Where the text spells none, it is left as it is, user-defined tokens too.
    if (safe == text) {
      ASSERT_EQ(ids, tokenizer->encode(text, {.add_special = false})) << text;
    }
  }
  EXPECT_GT(n_shielded, 200u);
  EXPECT_EQ(tokenizer->shielded("a<u>b", shield, false), "a<u>b");
  EXPECT_EQ(tokenizer->encode("<u>", {.add_special = false, .shield = shield}),
            std::vector<TokenId>{user});
}

TEST(Tokenizer, shielded_texts_that_are_joined_complete_no_control_token) {
  ToyVocab vocab = toy_bpe();
  vocab.add("<|end|>", 3);
  const auto metadata = vocab.metadata();
  const auto tokenizer = make(metadata);
  const std::string shield = "\uFDD0", token = "<|end|>";
  for (size_t cut = 1; cut < token.size(); ++cut) {
    std::string joined;
    for (const std::string& part : {"x" + token.substr(0, cut), token.substr(cut) + "y"}) {
      joined += tokenizer->shielded(part, shield, true);
    }
    std::string back;
    for (const TokenId id : tokenizer->encode(joined, {.add_special = false, .shield = shield})) {
      EXPECT_FALSE(tokenizer->is_control(id));
      back += tokenizer->piece(id, true);
    }
    EXPECT_EQ(back, "x<|end|>y");
  }
  EXPECT_EQ(tokenizer->shielded("nothing open", shield, true), "nothing open");
}

TEST(Tokenizer, phi3_special_tokens_swallow_the_space_behind_them) {
  ToyVocab vocab = toy_bpe();
  const TokenId user = vocab.add("<|user|>", 3);
  const TokenId begin = vocab.add("<s>", 3);
  auto metadata = vocab.metadata();
  metadata.set_text("general.name", "Phi-3 mini");
  const auto tokenizer = make(metadata);
  const TokenId x = tokenizer->find_token("x");
  const TokenId space = tokenizer->find_token("\u0120");
  EXPECT_EQ(tokenizer->encode("<|user|>\n \tx<s> x"),
            (std::vector<TokenId>{user, x, begin, space, x}));
}

TEST(Tokenizer, bos_and_eos_are_added_as_the_file_says) {
  ToyVocab vocab = toy_bpe();
  const TokenId bos = vocab.add("<s>", 3);
  const TokenId eos = vocab.add("</s>", 3);
  auto metadata = vocab.metadata();
  metadata.set_u32("tokenizer.ggml.bos_token_id", static_cast<uint32_t>(bos));
  metadata.set_u32("tokenizer.ggml.eos_token_id", static_cast<uint32_t>(eos));
  const TokenId x = make(metadata)->find_token("x");
  EXPECT_EQ(make(metadata)->encode("x"), std::vector<TokenId>{x});
  metadata.set_bool("tokenizer.ggml.add_bos_token", true);
  metadata.set_bool("tokenizer.ggml.add_eos_token", true);
  EXPECT_EQ(make(metadata)->encode("x"), (std::vector<TokenId>{bos, x, eos}));
  EXPECT_EQ(make(metadata)->encode("x", {.add_special = false}), std::vector<TokenId>{x});
  EXPECT_EQ(make(metadata)->encode(""), (std::vector<TokenId>{bos, eos}));
  EXPECT_TRUE(make(metadata)->is_end_of_generation(eos));
  EXPECT_FALSE(make(metadata)->is_end_of_generation(bos));
  EXPECT_FALSE(make(metadata)->is_end_of_generation(kNoToken));
}

TEST(Tokenizer, ends_of_generation_follow_the_families) {
  ToyVocab vocab = toy_bpe();
  const TokenId end = vocab.add("<|end|>", 3);
  EXPECT_TRUE(make(vocab.metadata())->is_end_of_generation(end));  // phi-3
  const TokenId result = vocab.add("<|return|>", 3);
  const TokenId call = vocab.add("<|call|>", 3);
  const auto harmony = make(vocab.metadata());
  EXPECT_FALSE(harmony->is_end_of_generation(end));
  EXPECT_TRUE(harmony->is_end_of_generation(result));
  EXPECT_TRUE(harmony->is_end_of_generation(call));
  // A file that marks an end as plain text is corrected.
  ToyVocab plain = toy_bpe();
  const TokenId turn = plain.add("<end_of_turn>", 1);
  EXPECT_TRUE(make(plain.metadata())->is_end_of_generation(turn));
  EXPECT_TRUE(make(plain.metadata())->is_control(turn));
  EXPECT_EQ(make(plain.metadata())->eot(), turn);
}

TEST(Tokenizer, an_unknown_name_is_an_error_that_says_it) {
  ToyVocab vocab = toy_bpe();
  vocab.pre = "qwen99";
  const auto pre = Tokenizer::make(vocab.metadata());
  ASSERT_FALSE(pre);
  EXPECT_EQ(pre.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(pre.error().message.find("'qwen99'"), std::string::npos);
  vocab.model = "rwkv";
  const auto model = Tokenizer::make(vocab.metadata());
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(model.error().message.find("'rwkv'"), std::string::npos);
  vocab = toy_bpe();
  vocab.pre = "";
  const auto missing = Tokenizer::make(vocab.metadata());
  ASSERT_TRUE(missing);
  ASSERT_EQ((*missing)->warnings().size(), 1U);  // used, but said
  EXPECT_EQ((*missing)->pre_tokenizer_name(), "default");
}

void expect_broken(
    const ToyVocab& vocab, const std::string& words,
    const std::function<void(file::Metadata&)>& change = [](file::Metadata&) {}) {
  file::Metadata metadata = vocab.metadata();
  change(metadata);
  const auto made = Tokenizer::make(metadata);
  ASSERT_FALSE(made) << words;
  EXPECT_EQ(made.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(made.error().message.find(words), std::string::npos) << made.error().message;
}

TEST(Tokenizer, a_broken_vocabulary_is_refused_by_the_name_of_its_key) {
  const std::vector<std::string> none;
  ToyVocab twice = toy_bpe();
  twice.add("a");
  expect_broken(twice, "repeats the text of token");
  const ToyVocab vocab = toy_bpe();
  expect_broken(vocab, "tokenizer.ggml.tokens",
                [&](auto& metadata) { metadata.set_texts("tokenizer.ggml.tokens", none); });
  expect_broken(vocab, "tokenizer.ggml.tokens",
                [](auto& metadata) { metadata.set_u32("tokenizer.ggml.tokens", 3); });
  expect_broken(vocab, "tokenizer.ggml.merges",
                [](auto& metadata) { metadata.set_u32("tokenizer.ggml.merges", 3); });
  const std::vector<int32_t> few = {1, 1};
  expect_broken(vocab, "tokenizer.ggml.token_type",
                [&](auto& metadata) { metadata.set_i32s("tokenizer.ggml.token_type", few); });
  const std::vector<float> no_numbers(256, std::numeric_limits<float>::quiet_NaN());
  expect_broken(vocab, "tokenizer.ggml.scores",
                [&](auto& metadata) { metadata.set_f32s("tokenizer.ggml.scores", no_numbers); });
  ToyVocab bare;
  bare.model = "bert";
  bare.add("a");
  expect_broken(bare, "no unknown token");
}

// The arrays' bytes cut at every length: an error or a smaller vocabulary, never a read past them.
TEST(Tokenizer, arrays_cut_at_every_length_are_refused) {
  ToyVocab vocab = toy_bpe();
  vocab.merges = {"a b", "ab c", "c", " ", ""};
  for (const std::string key :
       {"tokenizer.ggml.tokens", "tokenizer.ggml.merges", "tokenizer.ggml.token_type"}) {
    const file::Metadata whole = vocab.metadata();
    ASSERT_TRUE(Tokenizer::make(whole));
    const file::MetaValue value = whole.entries().at(key);
    for (size_t n = 0; n < value.bytes.size(); ++n) {
      file::Metadata cut = whole;
      file::MetaValue part = value;
      // A copy of its own, so that a sanitizer sees a read past its end.
      part.owned = std::make_shared<const std::vector<uint8_t>>(value.bytes.begin(),
                                                                value.bytes.begin() + n);
      part.bytes = *part.owned;
      cut.set(key, part);
      ASSERT_FALSE(Tokenizer::make(cut)) << key << " " << n;
    }
  }
}

TEST(Tokenizer, lost_bytes_are_known) {
  ToyVocab vocab;
  for (int byte = 1; byte < 256; ++byte) {
    vocab.add(std::string(byte_character(static_cast<uint8_t>(byte))));
  }
  const auto tokenizer = make(vocab.metadata());
  EXPECT_FALSE(tokenizer->loses_bytes_of("abc\x01\xFF"));
  EXPECT_TRUE(tokenizer->loses_bytes_of(std::string_view("a\0b", 3)));
  EXPECT_EQ(tokenizer->encode(std::string_view("a\0b", 3)).size(), 2U);
}

TEST(Tokenizer, word_pieces_cover_words_or_give_the_unknown_token) {
  ToyVocab vocab;
  vocab.model = "bert";
  const TokenId unknown = vocab.add("[UNK]", 3);
  const TokenId cls = vocab.add("[CLS]", 3);
  const TokenId sep = vocab.add("[SEP]", 3);
  const TokenId hello = vocab.add("\u2581hello");
  const TokenId he = vocab.add("\u2581he");
  const TokenId y = vocab.add("y");
  const TokenId mark = vocab.add("\u2581!");
  auto metadata = vocab.metadata();
  metadata.set_u32("tokenizer.ggml.unknown_token_id", static_cast<uint32_t>(unknown));
  metadata.set_u32("tokenizer.ggml.bos_token_id", static_cast<uint32_t>(cls));
  metadata.set_u32("tokenizer.ggml.seperator_token_id", static_cast<uint32_t>(sep));
  const auto tokenizer = make(metadata);
  EXPECT_EQ(tokenizer->encode("H\u00C9LLO  hey! hex\t"),
            (std::vector<TokenId>{cls, hello, he, y, mark, unknown, sep}));
  EXPECT_EQ(tokenizer->encode("", {.add_special = false}), std::vector<TokenId>{});
}

// Ten times the text may take ten times the time and a logarithm, not a hundred times. The bound is
// wide, because the machine is shared; quadratic work would exceed it hundredfold.
TEST(Tokenizer, long_runs_take_linear_time) {
  ToyVocab vocab = toy_bpe();
  std::string run = "a";
  for (int i = 0; i < 6; ++i) {  // aa, aaaa, …
    vocab.merges.push_back(run + " " + run);
    run += run;
    vocab.add(run);
  }
  vocab.add("<<<<", 3);
  vocab.add("<<", 4);
  const auto metadata = vocab.metadata();
  for (const std::string pre : {"gpt-2", "llama-bpe", "tekken", "gpt-4o", "deepseek-llm",
                                "deepseek-v3", "default", "exaone-moe", "jais-2", "bloom"}) {
    file::Metadata with_pre = metadata;
    with_pre.set_text("tokenizer.ggml.pre", pre);
    const auto tokenizer = make(with_pre);
    for (const std::string unit : {"a", " ", "\n", "A", "1", "<", "'", "\u0301", "\xFF", " \n"}) {
      const auto time_of = [&](size_t n_bytes) {
        std::string text;
        while (text.size() < n_bytes) text += unit;
        text += 'x';
        const Stopwatch watch;
        EXPECT_GT(tokenizer->encode(text).size(), 0U);
        return watch.elapsed_ms();
      };
      const double small = std::max(time_of(20000), 0.5);
      EXPECT_LT(time_of(200000), 200 * small) << pre << " " << unit;
    }
  }
}

}  // namespace
}  // namespace hearth::text
