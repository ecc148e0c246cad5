// SPDX-License-Identifier: MIT
// Token ids, pieces and roles equal to llama.cpp's: every vocabulary at hand times the hostile
// texts of golden/texts.txt (hundreds of texts, and every code point there is) in all four modes.
// Goldens: golden/*.txt, captured by capture_tokens.py; only digests are kept, the vocabularies are
// other people's.  Needs: vocabs/ggml-vocab-*.gguf and models/NAME/model.gguf of the test inputs
// (tests/support/inputs.h).
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/text/golden_files.h"

namespace hearth::text {
namespace {

using test::Digest;

std::string digest_of(const Tokenizer& tokenizer, std::string_view text) {
  Digest digest;
  for (const bool add_special : {false, true}) {
    for (const bool parse_special : {false, true}) {
      const auto ids = tokenizer.encode(text, {add_special, parse_special});
      digest.add(static_cast<uint32_t>(ids.size()));
      for (const TokenId id : ids) digest.add(static_cast<uint32_t>(id));
    }
  }
  return digest.text();
}

std::string shown(const Tokenizer& tokenizer, std::string_view text) {
  std::string out = "\n  " + std::string(text.substr(0, 200)) + "\n";
  for (const bool parse_special : {false, true}) {
    out += "  ids:";
    const auto ids = tokenizer.encode(text, {false, parse_special});
    for (size_t i = 0; i < ids.size() && i < 60; ++i) out += fmt::format(" {}", ids[i]);
    out += '\n';
  }
  return out;
}

struct Golden {
  std::string name;
  size_t n_tokens = 0;
  std::vector<std::string> digests;
};

std::vector<Golden> read_goldens() {
  std::vector<Golden> goldens;
  std::ifstream in(test::golden_file("tokens.txt"));
  for (std::string line; std::getline(in, line);) {
    if (line.find(' ') == std::string::npos) {
      if (!goldens.empty()) goldens.back().digests.push_back(line);
      continue;
    }
    Golden golden;
    std::istringstream(line) >> golden.name >> golden.n_tokens;
    goldens.push_back(std::move(golden));
  }
  return goldens;
}

std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  for (const Golden& golden : read_goldens()) names.push_back(golden.name);
  return names;
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(c); }, '_');
  return name;
}

class VocabularyTokens : public testing::TestWithParam<std::string> {};

// Compares every `step`th text.
void compare(const std::string& name, size_t step) {
  const std::vector<std::string> texts = test::hostile_texts();
  ASSERT_GE(texts.size(), 800U);
  const std::vector<Golden> goldens = read_goldens();
  const auto golden =
      std::find_if(goldens.begin(), goldens.end(), [&](const Golden& g) { return g.name == name; });
  ASSERT_NE(golden, goldens.end());
  ASSERT_EQ(golden->digests.size(), texts.size());
  const auto loaded = test::load_tokenizer(name);
  ASSERT_TRUE(loaded) << loaded.error().message;
  const Tokenizer& tokenizer = *loaded->tokenizer;
  ASSERT_EQ(tokenizer.n_vocab(), golden->n_tokens);
  size_t n_wrong = 0;
  for (size_t i = 0; i < texts.size(); i += step) {
    if (digest_of(tokenizer, texts[i]) == golden->digests[i]) continue;
    if (++n_wrong <= 3) ADD_FAILURE() << "text " << i << shown(tokenizer, texts[i]);
  }
  EXPECT_EQ(n_wrong, 0U) << "of " << texts.size();
}

TEST_P(VocabularyTokens, ids_equal_the_reference_for_every_hostile_text) {
  HEARTH_NEEDS_INPUT(test::vocab_file(GetParam()));
  compare(GetParam(), 1);
}

INSTANTIATE_TEST_SUITE_P(RealModel, VocabularyTokens, testing::ValuesIn(golden_names()), test_name);

// What the address sanitizer has time for (it leaves out suites named RealModel).
TEST(TokensGolden, a_sample_of_ids_of_each_family_equals_the_reference) {
  for (const std::string name : {"gpt-2", "llama-spm", "bert-bge", "gpt-2+tekken"}) {
    SCOPED_TRACE(name);
    HEARTH_NEEDS_INPUT(test::vocab_file(name));
    compare(name, 13);
  }
}

struct Facts {
  std::string name, ends, shown, hidden;
  size_t n_tokens = 0;
  TokenId bos = 0, eos = 0;
  bool add_bos = false, add_eos = false;
};

std::vector<Facts> read_facts() {
  std::vector<Facts> all;
  std::ifstream in(test::golden_file("facts.txt"));
  for (std::string line; std::getline(in, line);) {
    Facts facts;
    std::istringstream(line) >> facts.name >> facts.n_tokens >> facts.bos >> facts.eos >>
        facts.add_bos >> facts.add_eos >> facts.ends >> facts.shown >> facts.hidden;
    all.push_back(std::move(facts));
  }
  return all;
}

// True for a token of byte-level BPE whose text is not in the alphabet of bytes: it stands for
// itself, where the reference shows a complaint instead.
bool is_foreign(const Tokenizer& tokenizer, TokenId id) {
  if (tokenizer.model_name() != "gpt2" || tokenizer.token_kinds(id) != kNormalToken) return false;
  const std::string_view text = tokenizer.token_text(id);
  for (size_t i = 0; i < text.size(); i += decode_utf8(text, i).bytes) {
    if (byte_of_character(decode_utf8(text, i).code) < 0) return true;
  }
  return false;
}

std::string digest_of_pieces(const Tokenizer& tokenizer, bool show_special) {
  Digest digest;
  for (size_t i = 0; i < tokenizer.n_vocab(); ++i) {
    const TokenId id = static_cast<TokenId>(i);
    const std::string piece =
        is_foreign(tokenizer, id) ? std::string() : tokenizer.piece(id, show_special);
    digest.add(static_cast<uint32_t>(piece.size()));
    for (const char c : piece) digest.add(static_cast<uint8_t>(c));
  }
  return digest.text();
}

TEST(RealModelTokens, pieces_roles_and_ends_of_generation_equal_the_reference) {
  const std::vector<Facts> all = read_facts();
  ASSERT_GE(all.size(), 20U);
  for (const Facts& facts : all) {
    SCOPED_TRACE(facts.name);
    const auto path = test::vocab_file(facts.name);
    HEARTH_NEEDS_INPUT(path);
    const auto loaded = test::load_tokenizer(facts.name);
    if (!loaded) {
      // Only families that hearth does not have (t5, rwkv, …) may be refused, and by name.
      EXPECT_EQ(loaded.error().code, ErrorCode::kUnsupported) << loaded.error().message;
      EXPECT_NE(loaded.error().message.find("tokenizer model"), std::string::npos);
      continue;
    }
    const Tokenizer& tokenizer = *loaded->tokenizer;
    EXPECT_EQ(tokenizer.n_vocab(), facts.n_tokens);
    EXPECT_EQ(tokenizer.bos(), facts.bos);
    EXPECT_EQ(tokenizer.eos(), facts.eos);
    EXPECT_EQ(tokenizer.adds_bos(), facts.add_bos);
    EXPECT_EQ(tokenizer.adds_eos(), facts.add_eos);
    std::string ends;
    for (size_t i = 0; i < tokenizer.n_vocab(); ++i) {
      if (!tokenizer.is_end_of_generation(static_cast<TokenId>(i))) continue;
      ends += fmt::format("{}{}", ends.empty() ? "" : ",", i);
    }
    EXPECT_EQ(ends.empty() ? "-" : ends, facts.ends);
    EXPECT_EQ(digest_of_pieces(tokenizer, true), facts.shown);
    EXPECT_EQ(digest_of_pieces(tokenizer, false), facts.hidden);
  }
}

// The reference's own examples: FILE.inp holds texts, FILE.out the ids that the original tokenizers
// (not llama.cpp) give.
TEST(RealModelTokens, ids_equal_the_original_tokenizers_on_the_published_examples) {
  const auto dir = hearth::test::input("vocabs");
  HEARTH_NEEDS_INPUT(dir);
  size_t n_compared = 0;
  for (const auto& entry : std::filesystem::directory_iterator(dir)) {
    if (entry.path().extension() != ".inp") continue;
    SCOPED_TRACE(entry.path().filename());
    std::filesystem::path vocab = entry.path();
    vocab.replace_extension();  // leaves ggml-vocab-NAME.gguf
    const std::string prefix = "ggml-vocab-";
    const auto loaded = test::load_tokenizer(vocab.stem().string().substr(prefix.size()));
    ASSERT_TRUE(loaded) << loaded.error().message;
    std::stringstream inputs;
    inputs << std::ifstream(entry.path(), std::ios::binary).rdbuf();
    std::ifstream outputs(vocab.string() + ".out");
    const std::string separator = "\n__ggml_vocab_test__\n";
    const std::string texts = inputs.str();
    for (size_t at = 0; at < texts.size();) {
      const size_t end = std::min(texts.find(separator, at), texts.size());
      const std::string text = texts.substr(at, end - at);
      std::string line;
      ASSERT_TRUE(std::getline(outputs, line));
      std::istringstream numbers(line);
      std::vector<TokenId> expected;
      for (TokenId id; numbers >> id;) expected.push_back(id);
      EXPECT_EQ(loaded->tokenizer->encode(text, {false, false}), expected) << text;
      ++n_compared;
      at = end + separator.size();
    }
  }
  EXPECT_GE(n_compared, 400U);
}

// Byte-level BPE loses nothing; what the reader repairs (broken UTF-8) comes back repaired.
TEST(RealModelTokens, byte_level_text_survives_encode_and_decode) {
  const std::vector<std::string> texts = test::hostile_texts();
  for (const std::string name :
       {"gpt-2", "llama-bpe", "qwen2", "deepseek-llm", "deepseek-coder", "qwen35", "command-r"}) {
    SCOPED_TRACE(name);
    const auto path = test::vocab_file(name);
    HEARTH_NEEDS_INPUT(path);
    const auto loaded = test::load_tokenizer(name);
    ASSERT_TRUE(loaded) << loaded.error().message;
    ASSERT_FALSE(std::any_of(texts.begin(), texts.end(), [&](const std::string& text) {
      return loaded->tokenizer->loses_bytes_of(text);
    }));
    for (const bool parse_special : {false, true}) {
      for (const std::string& text : texts) {
        std::string repaired;
        for (size_t i = 0; i < text.size();) {
          const Decoded next = decode_utf8(text, i);
          append_utf8(next.code, repaired);
          i += next.bytes;
        }
        const auto ids = loaded->tokenizer->encode(text, {false, parse_special});
        ASSERT_EQ(loaded->tokenizer->decode(ids, {.show_special = true}), repaired);
      }
    }
  }
}

// With byte fallback, SentencePiece loses nothing either. (Of a broken character it takes the bytes
// behind it along, which may be those of a space mark: only well-formed text is certain.)
TEST(RealModelTokens, sentencepiece_text_survives_encode_and_decode) {
  const std::vector<std::string> texts = test::hostile_texts();
  for (const std::string name : {"llama-spm", "gemma3-270m"}) {
    SCOPED_TRACE(name);
    const auto path = test::vocab_file(name);
    HEARTH_NEEDS_INPUT(path);
    const auto loaded = test::load_tokenizer(name);
    ASSERT_TRUE(loaded) << loaded.error().message;
    for (const std::string& text : texts) {
      if (text.find(kSpaceMark) != std::string::npos) continue;  // the mark itself means a space
      if (to_valid_utf8(text) != text) continue;
      const auto ids = loaded->tokenizer->encode(text, {true, false});
      ASSERT_EQ(loaded->tokenizer->decode(ids), text);
    }
  }
}

}  // namespace
}  // namespace hearth::text
