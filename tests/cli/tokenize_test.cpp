// SPDX-License-Identifier: MIT
// hearth tokenize and detokenize on a byte-level vocabulary: text and ids as arguments and from
// standard input, as lines and as JSON, and what wrong input says.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "file/gguf_write.h"
#include "tests/support/run_hearth.h"
#include "tests/support/temp_folder.h"
#include "tests/support/toy_vocabulary.h"

namespace hearth::cli {
namespace {

using test::Ran;
using Ids = std::vector<int>;

// Tokens of the vocabulary: bytes are their own ids.
constexpr int kThe = 258, kHello = 264, kEndOfText = 265, kImEnd = 267;

class TokenVerbs : public testing::Test {
 protected:
  // The toy vocabulary; `adds_bos`: what a model says that wants BOS before every text.
  std::string write_model(bool adds_bos = false) {
    file::Metadata metadata;
    metadata.set_text("general.architecture", "toy");
    const auto n = test::add_toy_vocabulary(metadata, false, 0);
    EXPECT_TRUE(n && *n == n_vocab_);
    if (adds_bos) metadata.set_bool("tokenizer.ggml.add_bos_token", true);
    const auto path = folder_ / (adds_bos ? "bos.gguf" : "toy.gguf");
    EXPECT_TRUE(file::write_gguf(path, metadata, {}));
    return path.string();
  }

  static Ran hearth(const std::vector<std::string>& args) { return test::run_hearth(args); }

  // With `input` on standard input.
  Ran hearth_reads(const std::string& input, const std::vector<std::string>& args) {
    const auto path = folder_ / "stdin";
    std::ofstream(path, std::ios::binary) << input;
    EXPECT_NE(std::freopen(path.c_str(), "rb", stdin), nullptr);
    Ran ran = hearth(args);
    EXPECT_NE(std::freopen("/dev/null", "rb", stdin), nullptr);
    return ran;
  }

  static constexpr int n_vocab_ = 268;
  test::TempFolder folder_;
};

TEST_F(TokenVerbs, a_text_becomes_a_line_for_each_token) {
  const Ran ran = hearth({"tokenize", write_model(), "Hello the\n\xE1\xBB\x87"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.out,
            "    264  'Hello'\n    258  ' the'\n     10  '?'\n"
            "    225  '\xEF\xBF\xBD'\n    187  '\xEF\xBF\xBD'\n    135  '\xEF\xBF\xBD'\n");
}

TEST_F(TokenVerbs, json_has_the_ids_and_a_piece_for_each) {
  const auto json = hearth({"tokenize", write_model(), "Hello the", "--json"}).json();
  EXPECT_EQ(json["tokens"], (Ids{kHello, kThe}));
  EXPECT_EQ(json["pieces"], (std::vector<std::string>{"Hello", " the"}));
}

TEST_F(TokenVerbs, special_tokens_are_read_and_added_only_where_asked) {
  const std::string model = write_model(true);
  const std::string text = "Hello<|im_end|>";
  const auto plain = hearth({"tokenize", model, text, "--json"}).json()["tokens"];
  Ids characters = {kHello};
  for (const char c : text.substr(5)) characters.push_back(c);
  EXPECT_EQ(plain, characters);
  EXPECT_EQ(hearth({"tokenize", model, text, "--special", "--json"}).json()["tokens"],
            (Ids{kEndOfText, kHello, kImEnd}));
  EXPECT_EQ(hearth({"tokenize", write_model(), text, "--special", "--json"}).json()["tokens"],
            (Ids{kHello, kImEnd}));
}

TEST_F(TokenVerbs, a_dash_reads_all_of_standard_input) {
  const std::string model = write_model();
  EXPECT_EQ(hearth_reads("Hello\n", {"tokenize", model, "-", "--json"}).json()["tokens"],
            (Ids{kHello, '\n'}));
  EXPECT_EQ(hearth_reads("", {"tokenize", model, "-", "--json"}).json()["tokens"], Ids{});
  EXPECT_EQ(hearth_reads("", {"tokenize", model, "-"}).out, "");
  const std::string large(200'000, 'x');
  const auto tokens = hearth_reads(large, {"tokenize", model, "-", "--json"}).json()["tokens"];
  EXPECT_EQ(tokens, (Ids(large.size(), 'x')));
}

// Text is read as the reference reads it: a byte that starts no character is U+FFFD.
TEST_F(TokenVerbs, hostile_bytes_are_tokens_and_the_output_stays_well_formed) {
  const std::string model = write_model();
  std::string given, expected;
  for (int byte = 0x80; byte < 0x100; ++byte) {
    given += static_cast<char>(byte);
    expected += "\xEF\xBF\xBD";
  }
  std::string rest = "\x1b[31m\xed\xa0\x80\t\r\n";
  for (int byte = 127; byte >= 0; --byte) rest += static_cast<char>(byte);
  given += rest;
  expected += rest;
  const Ran ran = hearth_reads(given, {"tokenize", model, "-", "--json"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  const auto json = ran.json();
  ASSERT_TRUE(json.is_object()) << ran.out;
  std::vector<std::string> args = {"detokenize", model};
  for (const auto& id : json["tokens"]) args.push_back(std::to_string(id.get<int>()));
  EXPECT_EQ(hearth(args).out, expected + "\n");
  args.push_back("--json");
  EXPECT_TRUE(hearth(args).json()["text"].is_string());
  const Ran lines = hearth_reads(given, {"tokenize", model, "-"});
  for (const char c : lines.out) {
    EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << static_cast<int>(c);
  }
}

TEST_F(TokenVerbs, ids_become_text_apart_or_with_commas) {
  const std::string model = write_model();
  EXPECT_EQ(hearth({"detokenize", model, "264", "258", "267"}).out, "Hello the<|im_end|>\n");
  EXPECT_EQ(hearth({"detokenize", model, "264,258", "33"}).out, "Hello the!\n");
  EXPECT_EQ(hearth({"detokenize", model, "264,258", "--json"}).json()["text"], "Hello the");
}

TEST_F(TokenVerbs, ids_that_the_model_does_not_have_are_refused_by_number) {
  const std::string model = write_model();
  for (const std::string id : {"268", "1000000", "2147483647"}) {
    const Ran ran = hearth({"detokenize", model, "0", id});
    EXPECT_EQ(ran.status, 1) << id;
    EXPECT_EQ(ran.out, "");
    EXPECT_EQ(ran.err, "hearth: no token " + id + "; this model has tokens 0 to 267\n");
  }
  const auto json = hearth({"detokenize", model, "300", "--json"}).json();
  EXPECT_EQ(json["error"]["code"], "invalid");
  EXPECT_EQ(json["error"]["hint"], "this model has tokens 0 to 267");
  for (const std::string wrong :
       {"x", "-1", "1.5", "1x", "", "2147483648", "9223372036854775808"}) {
    EXPECT_EQ(hearth({"detokenize", model, wrong}).status, 2) << wrong;
  }
}

TEST_F(TokenVerbs, what_is_missing_is_wrong_use_and_a_file_without_a_vocabulary_is_named) {
  const std::string model = write_model();
  EXPECT_EQ(hearth({"tokenize", model}).status, 2);
  EXPECT_EQ(hearth({"detokenize", model}).status, 2);
  file::Metadata bare;
  bare.set_text("general.architecture", "toy");
  const auto path = folder_ / "bare.gguf";
  ASSERT_TRUE(file::write_gguf(path, bare, {}));
  for (const std::string verb : {"tokenize", "detokenize"}) {
    const Ran ran = hearth({verb, path.string(), "1"});
    EXPECT_EQ(ran.status, 1);
    EXPECT_NE(ran.err.find("bare.gguf: "), std::string::npos) << ran.err;
    EXPECT_NE(ran.err.find("tokenizer.ggml."), std::string::npos) << ran.err;
  }
}

}  // namespace
}  // namespace hearth::cli
