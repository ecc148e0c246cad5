// SPDX-License-Identifier: MIT
#include "cli/prompt_history.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/temp_folder.h"

namespace hearth::cli {
namespace {

using Entries = std::vector<std::string>;

TEST(PromptHistory, what_was_added_is_loaded_again_byte_for_byte) {
  const test::TempFolder folder;
  const PromptHistory history(folder / "new" / "history");
  EXPECT_EQ(*history.load(), Entries{});
  const Entries entries = {"plain", "two\nlines", "back\\slash", "\\n", "ends in \\", "tiếng Việt"};
  for (const std::string& entry : entries) ASSERT_TRUE(history.add(entry));
  EXPECT_EQ(*history.load(), entries);
}

TEST(PromptHistory, a_repeated_entry_moves_to_the_end_and_some_are_never_kept) {
  const test::TempFolder folder;
  const PromptHistory history(folder / "history");
  for (const char* entry : {"a", "b", "a", "", " hidden"}) ASSERT_TRUE(history.add(entry));
  EXPECT_EQ(*history.load(), (Entries{"b", "a"}));
}

TEST(PromptHistory, only_its_owner_can_read_the_file) {
  const test::TempFolder folder;
  const auto file = folder / "history";
  std::ofstream(file) << "old\n";
  ASSERT_TRUE(PromptHistory(file).add("new"));
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(file).permissions(), perms::owner_read | perms::owner_write);
  EXPECT_EQ(*PromptHistory(file).load(), (Entries{"old", "new"}));
}

TEST(PromptHistory, keeps_the_newest_entries_only) {
  const test::TempFolder folder;
  const auto file = folder / "history";
  {
    std::ofstream out(file);
    for (size_t i = 0; i < PromptHistory::kMaxEntries + 10; ++i) out << "entry " << i << "\n";
  }
  ASSERT_TRUE(PromptHistory(file).add("last"));
  const Entries entries = *PromptHistory(file).load();
  ASSERT_EQ(entries.size(), PromptHistory::kMaxEntries);
  EXPECT_EQ(entries.front(), "entry 11");
  EXPECT_EQ(entries.back(), "last");
}

TEST(PromptHistory, a_folder_that_cannot_be_made_is_an_error_and_not_the_end) {
  const test::TempFolder folder;
  std::ofstream(folder / "file") << "x";
  EXPECT_FALSE(PromptHistory(folder / "file" / "history").add("text"));
}

}  // namespace
}  // namespace hearth::cli
