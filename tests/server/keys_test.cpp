// SPDX-License-Identifier: MIT
#include "server/keys.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "tests/support/temp_folder.h"

namespace hearth::server {
namespace {

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(Keys, a_key_is_found_by_its_text_with_its_powers_until_it_is_revoked) {
  const test::TempFolder folder;
  KeyStore keys(folder.path());
  EXPECT_FALSE(keys.any());
  const NewKey made = *keys.add("laptop", true, false);
  EXPECT_EQ(made.text.size(), 3 + 64u);
  EXPECT_TRUE(keys.any());
  const auto found = keys.match(made.text);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, made.key.id);
  EXPECT_TRUE(found->inference);
  EXPECT_FALSE(found->admin);
  KeyStore other_process(folder.path());
  ASSERT_TRUE(other_process.revoke("laptop"));
  EXPECT_FALSE(keys.match(made.text)) << "a running server must see it";
  EXPECT_FALSE(keys.any());
}

TEST(Keys, the_file_holds_no_key_and_is_its_owners_alone) {
  const test::TempFolder folder;
  KeyStore keys(folder.path());
  const NewKey made = *keys.add("a", true, true);
  const std::string text = text_of(folder / "keys.json");
  EXPECT_EQ(text.find(made.text), std::string::npos);
  EXPECT_EQ(text.find(made.text.substr(3)), std::string::npos);
  const auto mode = std::filesystem::status(folder / "keys.json").permissions();
  EXPECT_EQ(mode & std::filesystem::perms::all,
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST(Keys, wrong_texts_match_nothing) {
  const test::TempFolder folder;
  KeyStore keys(folder.path());
  const NewKey made = *keys.add("a", true, true);
  for (const std::string& text :
       {std::string(), made.text.substr(0, made.text.size() - 1), made.text + "0", made.key.sha256,
        made.key.id, std::string("a"), std::string(100'000, 'x')})
    EXPECT_FALSE(keys.match(text)) << text.substr(0, 80);
}

TEST(Keys, a_damaged_file_lets_nobody_in_and_is_not_overwritten) {
  for (const char* damage : {"", "[", "[]", "{\"keys\":[1]}", "{\"keys\":[{\"id\":\"a\"}]}"}) {
    const test::TempFolder folder;
    KeyStore keys(folder.path());
    const NewKey made = *keys.add("a", true, true);
    std::ofstream(folder / "keys.json") << damage;
    EXPECT_FALSE(keys.match(made.text)) << damage;
    EXPECT_FALSE(keys.list()) << damage;
    EXPECT_FALSE(keys.add("b", true, true)) << damage;
    EXPECT_EQ(text_of(folder / "keys.json"), damage);
  }
}

TEST(Keys, names_need_not_be_unique_but_then_revoking_wants_the_id) {
  const test::TempFolder folder;
  KeyStore keys(folder.path());
  const NewKey first = *keys.add("phone", true, false);
  ASSERT_TRUE(keys.add("phone", true, false));
  EXPECT_FALSE(keys.revoke("phone"));
  EXPECT_TRUE(keys.revoke(first.key.id));
  EXPECT_TRUE(keys.revoke("phone"));
  const auto again = keys.revoke("phone");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kNotFound);
}

TEST(Keys, no_two_are_alike) {
  const test::TempFolder folder;
  KeyStore keys(folder.path());
  std::set<std::string> texts;
  for (int i = 0; i < 20; ++i) texts.insert(keys.add("k", true, false)->text);
  EXPECT_EQ(texts.size(), 20u);
  EXPECT_FALSE(keys.add("\x1b[31m", true, false));
  EXPECT_FALSE(keys.add(std::string(65, 'a'), true, false));
}

}  // namespace
}  // namespace hearth::server
