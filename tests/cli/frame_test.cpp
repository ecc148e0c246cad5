// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/json.h"
#include "tests/support/run_hearth.h"

namespace hearth::cli {
namespace {

using test::Ran;
using test::take_text;

Ran hearth(const std::vector<std::string>& args) { return test::run_hearth(args); }

TEST(Frame, no_arguments_and_help_show_every_verb) {
  for (const std::vector<std::string>& args :
       {std::vector<std::string>{}, {"--help"}, {"-h"}, {"help"}}) {
    const Ran ran = hearth(args);
    EXPECT_EQ(ran.status, 0);
    EXPECT_EQ(ran.err, "");
    for (const VerbInfo& verb : all_verbs()) {
      if (verb.is_internal) continue;
      EXPECT_NE(ran.out.find(std::string(verb.name)), std::string::npos) << verb.name;
    }
  }
}

TEST(Frame, every_verb_explains_itself_with_an_example) {
  for (const VerbInfo& verb : all_verbs()) {
    if (verb.is_internal) continue;
    const Ran ran = hearth({"help", std::string(verb.name)});
    EXPECT_EQ(ran.status, 0) << verb.name;
    EXPECT_NE(ran.out.find("Examples:\n  hearth " + std::string(verb.name)), std::string::npos)
        << ran.out;
    EXPECT_EQ(hearth({std::string(verb.name), "--help"}).out, ran.out);
  }
}

TEST(Frame, what_hearth_starts_itself_is_not_on_the_help_page_and_refuses_people) {
  EXPECT_EQ(hearth({"help"}).out.find("\n  engine"), std::string::npos);
  const Ran ran = hearth({"engine"});
  EXPECT_EQ(ran.status, 2);
  EXPECT_NE(ran.err.find("hearth serve"), std::string::npos) << ran.err;
}

TEST(Frame, an_unknown_verb_is_wrong_use_and_names_the_nearest) {
  const Ran ran = hearth({"verison"});
  EXPECT_EQ(ran.status, 2);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err, "hearth: unknown command 'verison'; did you mean 'hearth version'?\n");
  EXPECT_EQ(hearth({"xyzzyplugh"}).err,
            "hearth: unknown command 'xyzzyplugh'; see hearth --help\n");
  EXPECT_EQ(hearth({"help", "verison"}).status, 2);
}

TEST(Frame, an_unknown_option_is_wrong_use_and_names_the_nearest) {
  const Ran ran = hearth({"version", "--jsno"});
  EXPECT_EQ(ran.status, 2);
  EXPECT_EQ(ran.err, "hearth: unknown option '--jsno'; did you mean --json?\n");
  EXPECT_EQ(hearth({"version", "word"}).err,
            "hearth: unexpected argument 'word'; see hearth help version\n");
}

TEST(Frame, with_json_an_error_is_an_object_on_standard_output) {
  const Ran ran = hearth({"version", "--json", "--nonsense-option"});
  EXPECT_EQ(ran.status, 2);
  EXPECT_EQ(ran.err, "");
  const auto json = parse_json(ran.out);
  ASSERT_TRUE(json.is_object()) << ran.out;
  EXPECT_EQ(json["error"]["code"], "invalid");
  EXPECT_EQ(json["error"]["message"], "unknown option '--nonsense-option'");
  EXPECT_EQ(json["error"]["hint"], "see hearth help version");
}

TEST(Frame, version_is_a_verb_and_an_option) {
  EXPECT_EQ(hearth({"--version"}).out, hearth({"version"}).out);
  EXPECT_EQ(hearth({"--version"}).out.substr(0, 7), "hearth ");
  const auto json = parse_json(hearth({"version", "--json"}).out);
  EXPECT_TRUE(json["version"].is_string());
}

TEST(Frame, a_full_disk_is_said_and_fails) {
  std::FILE* full = std::fopen("/dev/full", "w");
  if (full == nullptr) GTEST_SKIP() << "no /dev/full here";
  std::FILE* err = std::tmpfile();
  const std::vector<std::string> args = {"version"};
  EXPECT_EQ(run_command_line(args, full, err), 1);
  EXPECT_EQ(take_text(err), "hearth: cannot write to standard output; is the disk full?\n");
  std::fclose(full);
}

TEST(Output, json_with_broken_utf8_is_still_json) {
  for (int byte = 0x80; byte <= 0xff; ++byte) {
    const std::string text = json_text({{"piece", std::string(1, static_cast<char>(byte))}});
    const auto back = parse_json(text);
    ASSERT_TRUE(back.is_object()) << byte;
    EXPECT_EQ(back["piece"], "\xef\xbf\xbd") << byte;
  }
}

TEST(Output, an_error_stays_one_line_without_control_characters) {
  EXPECT_EQ(printable("a\nb\x1b[31mc\x7f"), "a?b?[31mc?");
  EXPECT_EQ(printable("caf\u00e9 \u0085 \u4f60"), "caf\u00e9 ? \u4f60");
}

}  // namespace
}  // namespace hearth::cli
