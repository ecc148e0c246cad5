// SPDX-License-Identifier: MIT
#include "hub/catalogue.h"

#include <gtest/gtest.h>

#include <string>

#include "hub/model_name.h"
#include "os/file_handle.h"
#include "tests/support/paths.h"

namespace hearth::hub {
namespace {

std::string catalogue_text() {
  return os::read_text_file(test::source_dir() + "/src/hub/catalogue.json", 1 << 20).value_or("");
}

TEST(Catalogue, the_built_in_one_is_the_file_and_is_complete) {
  const auto from_file = Catalogue::parse(catalogue_text());
  ASSERT_TRUE(from_file) << from_file.error().message;
  const Catalogue& built_in = Catalogue::built_in();
  ASSERT_EQ(built_in.models().size(), from_file->models().size());
  for (const CatalogueModel& model : built_in.models()) {
    EXPECT_NE(from_file->find(model.name), nullptr);
    EXPECT_FALSE(model.words_en.empty()) << model.name;
    EXPECT_FALSE(model.words_vi.empty()) << model.name;
    EXPECT_FALSE(model.arch.empty()) << model.name;
    EXPECT_TRUE(model.format == "gguf" || model.format == "safetensors") << model.name;
    EXPECT_GT(model.download_bytes, 0u) << model.name;
    EXPECT_EQ(built_in.find_sha256(model.files.front().sha256), &model);
  }
  EXPECT_EQ(built_in.default_model().name, "smollm2-135m");
  EXPECT_EQ(built_in.find("no such model"), nullptr);
}

TEST(Catalogue, names_are_understood_as_people_write_them) {
  const Catalogue& built_in = Catalogue::built_in();
  for (const char* const name :
       {"smollm2-135m", "SmolLM2-135M", "smollm2:135m", "smollm2-135m:latest"}) {
    const auto found = built_in.resolve(name);
    ASSERT_TRUE(found) << name;
    EXPECT_EQ((*found)->name, "smollm2-135m");
  }
  for (const char* const name : {"", "smollm2", "latest", "smollm2-135m:other"}) {
    const auto found = built_in.resolve(name);
    ASSERT_FALSE(found) << name;
    EXPECT_EQ(found.error().code, ErrorCode::kNotFound);
    EXPECT_NE(found.error().message.find("smollm2-135m, "), std::string::npos);
  }
}

TEST(Catalogue, every_prefix_of_it_is_refused) {
  const std::string text = catalogue_text();
  const size_t last_brace = text.rfind('}');
  for (size_t n = 0; n <= last_brace; n += 7) {
    EXPECT_FALSE(Catalogue::parse(std::string_view(text).substr(0, n))) << n;
  }
}

TEST(Catalogue, a_name_that_is_a_path_a_bad_digest_or_a_twin_is_refused) {
  const auto with = [](const std::string& name, const std::string& file, const std::string& sha256,
                       int copies) {
    std::string text = R"({"version":1,"models":[)";
    for (int i = 0; i < copies; ++i) {
      text += i > 0 ? "," : "";
      text += R"({"name":")" + name + R"(","title":"t","licence":"l","files":[{"name":")" + file +
              R"(","bytes":1,"sha256":")" + sha256 + R"("}]})";
    }
    return text + "]}";
  };
  const std::string sha256(64, 'a');
  EXPECT_TRUE(Catalogue::parse(with("m", "f", sha256, 1)));
  EXPECT_FALSE(Catalogue::parse(with("m", "f", sha256, 2)));
  EXPECT_FALSE(Catalogue::parse(with("m", "f", sha256, 0)));
  EXPECT_FALSE(Catalogue::parse(with("../m", "f", sha256, 1)));
  EXPECT_FALSE(Catalogue::parse(with("m", "../f", sha256, 1)));
  EXPECT_FALSE(Catalogue::parse(with("m", "f", std::string(64, 'A'), 1)));
  EXPECT_FALSE(Catalogue::parse(with("m", "f", "abc", 1)));
  EXPECT_FALSE(Catalogue::parse(R"({"version":2,"models":[]})"));
  EXPECT_FALSE(Catalogue::parse(std::string(100'000, '[')));
}

TEST(ModelName, what_could_leave_the_store_is_no_name) {
  for (const char* const good : {"a", "qwen2.5-coder-1.5b", "A_b-c.d", "0"}) {
    EXPECT_TRUE(is_model_name(good)) << good;
  }
  const std::string long_name(129, 'a');
  for (const std::string& bad :
       {std::string(""), std::string("."), std::string(".."), std::string("../a"),
        std::string("/a"), std::string("a/b"), std::string(".hidden"), std::string("-o"),
        std::string("a b"), std::string("a\n"), std::string("a\0b", 3), std::string("a\\b"),
        std::string("ă"), std::string("c:d"), long_name}) {
    EXPECT_FALSE(is_model_name(bad)) << bad;
  }
}

TEST(ModelName, a_file_name_becomes_a_valid_name_or_none) {
  EXPECT_EQ(model_name_from_file("Qwen2.5 Coder.Q4_K_M.gguf"), "qwen2.5-coder.q4_k_m");
  EXPECT_EQ(model_name_from_file("big-00001-of-00003.gguf"), "big");
  EXPECT_EQ(model_name_from_file("..gguf"), "");
  EXPECT_EQ(model_name_from_file("---.gguf"), "");
  EXPECT_EQ(model_name_from_file("Mô hình.gguf"), "m-h-nh");
  EXPECT_EQ(model_name_from_file(".hidden."), "hidden");
  const std::string long_name = model_name_from_file(std::string(500, 'x') + ".gguf");
  EXPECT_TRUE(is_model_name(long_name));
}

}  // namespace
}  // namespace hearth::hub
