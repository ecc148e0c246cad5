// SPDX-License-Identifier: MIT
// list, import, rm and show, as a user and as a program calls them, on a store of their own.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "file/gguf_write.h"
#include "tests/support/run_hearth.h"
#include "tests/support/temp_folder.h"

namespace hearth::cli {
namespace {

namespace fs = std::filesystem;

using test::Ran;

class StoreVerbs : public testing::Test {
 protected:
  StoreVerbs() {
    if (const char* const former = ::getenv("HEARTH_HOME")) former_ = former;
    ::setenv("HEARTH_HOME", (folder_ / "home").c_str(), 1);
  }
  ~StoreVerbs() override {
    former_ ? ::setenv("HEARTH_HOME", former_->c_str(), 1) : ::unsetenv("HEARTH_HOME");
  }

  static Ran hearth(const std::vector<std::string>& args) { return test::run_hearth(args); }

  // A file that says everything that show can tell.
  std::string write_model(const std::string& name) {
    file::Metadata metadata;
    metadata.set_text("general.architecture", "toy");
    metadata.set_text("general.name", "A\x1b[31mToy\xff");
    metadata.set_u32("toy.context_length", 4096);
    metadata.set_u32("toy.block_count", 3);
    metadata.set_u32("toy.attention.head_count", 8);
    const std::vector<int32_t> kv_heads = {1, 2, 4};
    metadata.set_i32s("toy.attention.head_count_kv", kv_heads);
    metadata.set_u32("toy.expert_count", 16);
    metadata.set_u32("toy.expert_used_count", 2);
    metadata.set_text("tokenizer.ggml.model", "gpt2");
    metadata.set_text("tokenizer.ggml.pre", "llama-bpe");
    const std::vector<std::string> tokens = {"a", "b", "c"};
    metadata.set_texts("tokenizer.ggml.tokens", tokens);
    metadata.set_text("tokenizer.chat_template", "{{ messages }}");
    const std::vector<uint8_t> data(1024);
    const std::vector<file::GgufTensorData> tensors = {
        {{"x", DType::kQ8_0, {2, 32}}, std::span(data).first(68)},
        {{"y", DType::kF32, {4}}, std::span(data).first(16)}};
    const fs::path path = folder_ / name;
    EXPECT_TRUE(file::write_gguf(path, metadata, tensors));
    return path.string();
  }

  test::TempFolder folder_;
  std::optional<std::string> former_;
};

TEST_F(StoreVerbs, an_empty_store_says_how_to_fill_it) {
  const Ran ran = hearth({"list"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out, "");
  EXPECT_NE(ran.err.find("hearth pull smollm2-135m"), std::string::npos);
  const auto json = hearth({"list", "--json"}).json();
  EXPECT_TRUE(json["models"].is_array() && json["models"].empty());
}

TEST_F(StoreVerbs, a_model_is_imported_listed_shown_and_removed) {
  const std::string path = write_model("Toy.gguf");
  EXPECT_NE(hearth({"import", path}).out.find("as toy"), std::string::npos);
  const auto list = hearth({"list", "--json"}).json();
  ASSERT_EQ(list["models"].size(), 1u);
  EXPECT_EQ(list["models"][0]["name"], "toy");
  EXPECT_EQ(list["models"][0]["arch"], "toy");
  EXPECT_EQ(list["models"][0]["bytes"], fs::file_size(path));
  EXPECT_NE(hearth({"list"}).out.find("toy"), std::string::npos);
  EXPECT_EQ(hearth({"show", "toy"}).status, 0);
  const auto removed = hearth({"rm", "toy", "--json"}).json();
  EXPECT_EQ(removed["removed"], "toy");
  EXPECT_EQ(removed["freed_bytes"], fs::file_size(path));
  EXPECT_TRUE(hearth({"list", "--json"}).json()["models"].empty());
  EXPECT_TRUE(fs::exists(path));
}

TEST_F(StoreVerbs, a_linked_model_keeps_its_file) {
  const std::string path = write_model("toy.gguf");
  const auto json = hearth({"import", path, "--link", "--name", "mine", "--json"}).json();
  EXPECT_EQ(json["linked"], true);
  EXPECT_EQ(json["file"], path);
  EXPECT_NE(hearth({"list"}).out.find("-> " + path), std::string::npos);
  EXPECT_NE(hearth({"rm", "mine"}).out.find("its file stays"), std::string::npos);
  EXPECT_TRUE(fs::exists(path));
}

TEST_F(StoreVerbs, show_tells_the_facts_as_json) {
  const auto json = hearth({"show", write_model("toy.gguf"), "--json"}).json();
  EXPECT_EQ(json["arch"], "toy");
  EXPECT_EQ(json["context_length"], 4096);
  EXPECT_EQ(json["layers"], 3);
  EXPECT_EQ(json["heads"], 8);
  EXPECT_EQ(json["kv_heads"], 4);
  EXPECT_EQ(json["experts"], 16);
  EXPECT_EQ(json["experts_used"], 2);
  EXPECT_EQ(json["parameters"], 68);
  EXPECT_EQ(json["quant"], "q8_0");
  EXPECT_EQ(json["tokenizer"]["model"], "gpt2");
  EXPECT_EQ(json["tokenizer"]["vocab"], 3);
  EXPECT_EQ(json["template"], "{{ messages }}");
  ASSERT_EQ(json["tensors"].size(), 2u);
  EXPECT_EQ(json["tensors"][0]["type"], "q8_0");
  EXPECT_EQ(json["tensors"][0]["bytes"], 68);
  EXPECT_FALSE(json.contains("window"));
}

TEST_F(StoreVerbs, show_keeps_the_terminal_safe_from_the_file) {
  const Ran ran = hearth({"show", write_model("toy.gguf")});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out.find('\x1b'), std::string::npos);
  EXPECT_NE(ran.out.find("16, of which 2 work on a token"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("byte-level BPE (llama-bpe), 3 tokens"), std::string::npos) << ran.out;
}

TEST_F(StoreVerbs, what_fails_says_what_next) {
  EXPECT_EQ(hearth({"show", "smollm2:135m"}).status, 1);
  const auto error = hearth({"show", "smollm2:135m", "--json"}).json();
  EXPECT_EQ(error["error"]["code"], "not_found");
  EXPECT_EQ(error["error"]["hint"], "fetch it with: hearth pull smollm2-135m");
  EXPECT_EQ(hearth({"rm", "toy"}).status, 1);
  EXPECT_EQ(hearth({"import", "/no/such.gguf"}).status, 1);
  EXPECT_EQ(hearth({"import"}).status, 2);
  const std::string path = write_model("toy.gguf");
  EXPECT_EQ(hearth({"import", path, "--name", "../up"}).status, 1);
  EXPECT_EQ(hearth({"import", path}).status, 0);
  EXPECT_NE(hearth({"import", path}).err.find("hearth rm toy"), std::string::npos);
}

}  // namespace
}  // namespace hearth::cli
