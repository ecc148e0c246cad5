// SPDX-License-Identifier: MIT
// Token ids equal to llama.cpp's: every vocabulary at hand times the hostile texts of
// golden/texts.txt (hundreds of texts, and every code point there is) in all four modes.
// Goldens: golden/tokens.txt, captured by capture_tokens.py; only digests are kept, the
// vocabularies are other people's. Needs: HEARTH_TEST_VOCABS, a folder with ggml-vocab-*.gguf
// (models/ of llama.cpp, in the source package llama-cpp-python), and HEARTH_TEST_MODELS, the
// store's folder with the real models (scripts/fetch_model). A missing input skips and says so;
// with HEARTH_TEST_STRICT=1 it fails.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/env.h"
#include "file/gguf.h"
#include "tests/text/vocab_files.h"
#include "text/tokenizer.h"
#include "text/unicode.h"

namespace hearth::text {
namespace {

namespace fs = std::filesystem;

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

std::vector<std::string> read_texts() {
  std::vector<std::string> texts;
  std::ifstream in(test::golden_dir() / "texts.txt");
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string kind;
    std::string hex;
    std::string text;
    words >> kind;
    if (kind == "text") {
      size_t repeat = 0;
      words >> repeat >> hex;
      const std::string unit = from_hex(hex);
      for (size_t i = 0; i < repeat; ++i) text += unit;
    } else {
      uint32_t first = 0;
      uint32_t last = 0;
      words >> std::hex >> first >> last >> hex;
      const std::string joint = from_hex(hex);
      for (uint32_t code = first; code <= last; ++code) {
        append_utf8(code, text);
        text += joint;
      }
    }
    texts.push_back(std::move(text));
  }
  return texts;
}

class Digest {
 public:
  void add(uint32_t number) {
    for (int shift = 0; shift < 32; shift += 8) {
      value_ = (value_ ^ (number >> shift & 0xFF)) * 0x100000001B3;
    }
  }
  std::string text() const { return fmt::format("{:012x}", value_ >> 16); }

 private:
  uint64_t value_ = 0xCBF29CE484222325;
};

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

std::vector<Golden> read_goldens(size_t n_texts) {
  std::vector<Golden> goldens;
  std::ifstream in(test::golden_dir() / "tokens.txt");
  for (std::string line; std::getline(in, line);) {
    Golden golden;
    std::istringstream(line) >> golden.name >> golden.n_tokens;
    for (size_t i = 0; i < n_texts && std::getline(in, line); ++i) golden.digests.push_back(line);
    goldens.push_back(std::move(golden));
  }
  return goldens;
}

TEST(TokensGolden, ids_equal_the_reference_for_every_vocabulary_and_hostile_text) {
  const std::vector<std::string> texts = read_texts();
  ASSERT_GE(texts.size(), 800U);
  const std::vector<Golden> goldens = read_goldens(texts.size());
  ASSERT_GE(goldens.size(), 2U);
  size_t n_compared = 0;
  std::string missing;
  for (const Golden& golden : goldens) {
    const auto path = test::find_vocab_file(golden.name);
    if (!path) {
      missing += " " + golden.name;
      continue;
    }
    SCOPED_TRACE(golden.name);
    auto gguf = file::Gguf::open(*path);
    ASSERT_TRUE(gguf) << gguf.error().message;
    const auto tokenizer = Tokenizer::make(gguf->metadata());
    if (!tokenizer && tokenizer.error().code == ErrorCode::kUnsupported) continue;
    ASSERT_TRUE(tokenizer) << tokenizer.error().message;
    ASSERT_EQ((*tokenizer)->n_vocab(), golden.n_tokens);
    ASSERT_EQ(golden.digests.size(), texts.size());
    size_t n_wrong = 0;
    for (size_t i = 0; i < texts.size(); ++i) {
      if (digest_of(**tokenizer, texts[i]) == golden.digests[i]) continue;
      if (++n_wrong <= 3) ADD_FAILURE() << "text " << i << shown(**tokenizer, texts[i]);
    }
    EXPECT_EQ(n_wrong, 0U) << "of " << texts.size();
    ++n_compared;
  }
  std::printf("[   INFO   ] %zu vocabularies x %zu texts x 4 modes\n", n_compared, texts.size());
  if (!missing.empty()) {
    if (test::inputs_are_required()) FAIL() << "no file for:" << missing;
    GTEST_SKIP() << "compared " << n_compared << " vocabularies; NO FILE FOR:" << missing
                 << " (set HEARTH_TEST_VOCABS and HEARTH_TEST_MODELS)";
  }
}

}  // namespace
}  // namespace hearth::text
