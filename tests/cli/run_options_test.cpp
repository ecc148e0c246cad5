// SPDX-License-Identifier: MIT
// The options of `hearth run`, through the real option parser.
#include "cli/run_options.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "cli/known_spellings.h"
#include "cli/options.h"
#include "tests/support/temp_folder.h"

namespace hearth::cli {
namespace {

Result<RunOptions> parse(std::vector<std::string> args) {
  OptionParser command_line;
  RunOptionParser parser;
  parser.add_to(command_line.app());
  expand_known_spellings(args, command_line.app());
  TRY(within("parser", command_line.parse(std::move(args))));
  return parser.finish();
}

RunOptions good(std::vector<std::string> args) {
  auto options = parse(std::move(args));
  EXPECT_TRUE(options) << options.error().message;
  return options ? *options : RunOptions{};
}

std::string wrong(std::vector<std::string> args) {
  const auto options = parse(std::move(args));
  return options ? "no error" : options.error().message;
}

TEST(RunOptions, a_model_alone_takes_all_defaults) {
  const RunOptions options = good({"m"});
  EXPECT_EQ(options.model, "m");
  EXPECT_FALSE(options.prompt || options.tokens || options.system);
  EXPECT_EQ(options.sampler, sample::SamplerParams{});
  EXPECT_EQ(options.n_predict, -1);
  EXPECT_EQ(options.n_context, 0);
  EXPECT_EQ(options.n_logprobs, -1);
  EXPECT_EQ(options.cache_k, DType::kF16);
  EXPECT_NE(wrong({}).find("MODEL"), std::string::npos);
}

TEST(RunOptions, the_names_that_llama_cpp_has_work) {
  const RunOptions options =
      good({"m",    "-p",     "hi", "-sys",    "Be brief", "-n",   "12",   "-c",
            "4096", "-t",     "3",  "-ctk",    "q8_0",     "-ctv", "q4_0", "-s",
            "7",    "--temp", "0",  "--top-k", "-1",       "-r",   "END",  "--ignore-eos"});
  EXPECT_EQ(options.prompt, "hi");
  EXPECT_EQ(options.system, "Be brief");
  EXPECT_EQ(options.n_predict, 12);
  EXPECT_EQ(options.n_context, 4096);
  EXPECT_EQ(options.n_threads, 3);
  EXPECT_EQ(options.cache_k, DType::kQ8_0);
  EXPECT_EQ(options.cache_v, DType::kQ4_0);
  EXPECT_EQ(options.sampler.seed, 7);
  EXPECT_EQ(options.sampler.temperature, 0);
  EXPECT_EQ(options.sampler.top_k, -1);
  EXPECT_EQ(options.stop, (std::vector<std::string>{"END"}));
  EXPECT_TRUE(options.ignore_eos);
}

TEST(RunOptions, every_spelling_of_every_sampler_field_sets_it) {
  for (const sample::SamplerField& field : sample::sampler_fields()) {
    const std::string value =
        std::visit([](const auto& r) { return fmt::format("{}", r.max); }, field.range);
    std::string_view flags = field.flags;
    while (!flags.empty()) {
      const size_t comma = std::min(flags.find(','), flags.size());
      const RunOptions options = good({"m", std::string(flags.substr(0, comma)), value});
      sample::SamplerParams want;
      ASSERT_TRUE(sample::set_field_from_text(want, field, value));
      EXPECT_EQ(options.sampler, want) << flags;
      flags.remove_prefix(std::min(flags.size(), comma + 1));
    }
  }
}

TEST(RunOptions, a_sampler_value_out_of_range_names_field_value_and_range) {
  EXPECT_EQ(wrong({"m", "--temp", "hot"}), "temperature is 'hot', allowed is 0 to 100");
  EXPECT_EQ(wrong({"m", "--top-p", "1.5"}), "top_p is 1.5, allowed is 0 to 1");
  EXPECT_EQ(wrong({"m", "--min-p", "nan"}), "min_p is nan, allowed is 0 to 1");
  EXPECT_EQ(wrong({"m", "--seed", "-2"}), "seed is -2, allowed is -1 to 9223372036854775807");
}

TEST(RunOptions, sizes_are_checked) {
  for (const char* option : {"-n", "-c", "-t", "--logprobs"}) {
    for (const char* value :
         {"-9223372036854775808", "-2", "x", "", "1.5", "2147483648", "99999999999999999999"})
      EXPECT_NE(wrong({"m", option, value}), "no error") << option << " " << value;
    EXPECT_EQ(wrong({"m", option, "0"}), "no error") << option;
  }
  EXPECT_EQ(good({"m", "-n", "-1"}).n_predict, -1);
  EXPECT_EQ(good({"m", "--max-tokens", "9"}).n_predict, 9);
}

TEST(RunOptions, the_prompt_comes_from_one_place) {
  const test::TempFolder folder;
  const std::string file = (folder / "prompt.txt").string();
  std::ofstream(file) << "from a file\n";
  EXPECT_EQ(good({"m", "a question"}).prompt, "a question");
  EXPECT_EQ(good({"m", "-f", file}).prompt, "from a file\n");
  EXPECT_EQ(good({"m", "--system-prompt-file", file}).system, "from a file\n");
  EXPECT_FALSE(good({"m", "-"}).prompt);
  EXPECT_EQ(good({"m", ""}).prompt, "");
  EXPECT_EQ(good({"m", "--tokens", "1,2"}).tokens, (std::vector<int32_t>{1, 2}));
  EXPECT_EQ(wrong({"m", "a", "-p", "b"}), "more than one prompt");
  EXPECT_EQ(wrong({"m", "a", "--tokens", "1"}), "more than one prompt");
  EXPECT_NE(wrong({"m", "-f", file + "x"}), "no error");
}

TEST(RunOptions, nothing_that_was_asked_for_is_silently_ignored) {
  EXPECT_NE(wrong({"m", "a", "--raw", "--system", "S"}).find("would be ignored"),
            std::string::npos);
  EXPECT_NE(wrong({"m", "--tokens", "1", "--system", "S"}).find("would be ignored"),
            std::string::npos);
  EXPECT_NE(wrong({"m", "a", "--raw", "--chat-template-file", "F"}).find("would be ignored"),
            std::string::npos);
  EXPECT_EQ(wrong({"m", "--raw", "a"}), "no error");
}

TEST(RunOptions, stops_and_breakers_repeat_and_take_escapes) {
  const RunOptions options =
      good({"m", "--stop", "\\n\\n", "--stop", "a b", "--dry-sequence-breaker", "none",
            "--dry-sequence-breaker", "\\t", "PROMPT"});
  EXPECT_EQ(options.stop, (std::vector<std::string>{"\n\n", "a b"}));
  EXPECT_EQ(options.sampler.dry_sequence_breakers, (std::vector<std::string>{"\t"}));
  EXPECT_EQ(options.prompt, "PROMPT");
  EXPECT_EQ(wrong({"m", "--stop", ""}), "--stop is empty");
}

TEST(RunOptions, logit_biases_repeat) {
  const RunOptions options = good({"m", "-l", "5+1.5", "--logit-bias", "7-inf"});
  ASSERT_EQ(options.sampler.logit_bias.size(), 2u);
  EXPECT_EQ(options.sampler.logit_bias[0], (sample::LogitBias{5, 1.5}));
  EXPECT_EQ(wrong({"m", "-l", "x"}), "logit bias 'x' is not a token id with a bias");
}

TEST(RunOptions, a_cache_format_that_cannot_be_is_refused) {
  for (const char* type : {"f16", "f32", "bf16", "q8_0", "q5_1", "q4_0"})
    EXPECT_EQ(wrong({"m", "--cache-type-k", type, "--cache-type-v", type}), "no error") << type;
  for (const char* type : {"q4_k", "F16", "", "q9_9"})
    EXPECT_NE(wrong({"m", "--cache-type-v", type}), "no error") << type;
}

TEST(TokenList, takes_commas_spaces_and_brackets) {
  const std::vector<int32_t> want = {1, 2, 2147483647};
  for (const char* text : {"1,2,2147483647", " 1 , 2 ,\t2147483647 ", "[1,2,2147483647]",
                           "1 2 2147483647", " [ 1 2, 2147483647 ] \n"}) {
    const auto ids = parse_token_list(text);
    ASSERT_TRUE(ids) << text << ": " << ids.error().message;
    EXPECT_EQ(*ids, want) << text;
  }
  EXPECT_EQ(*parse_token_list("0"), (std::vector<int32_t>{0}));
}

TEST(TokenList, refuses_everything_else_and_says_where) {
  for (const char* text : {"",
                           " ",
                           "[",
                           "[]",
                           ",",
                           "1,",
                           ",1",
                           "1,,2",
                           "-1",
                           "+1",
                           "1.5",
                           "1;2",
                           "1]",
                           "[1",
                           "[1]]",
                           "[1] 2",
                           "0x10",
                           "2147483648",
                           "99999999999999999999",
                           "1 x"})
    EXPECT_FALSE(parse_token_list(text)) << text;
  EXPECT_EQ(parse_token_list("1,2,x").error().message, "no token id at character 5 of '1,2,x'");
}

TEST(Unescape, turns_known_escapes_into_what_they_mean) {
  EXPECT_EQ(unescape("a\\nb\\t\\\\n\\\"\\x41\\xC3\\xa9"), "a\nb\t\\n\"A\xc3\xa9");
  EXPECT_EQ(unescape("\\q \\x4 \\xzz \\"), "\\q \\x4 \\xzz \\");
  EXPECT_EQ(unescape(""), "");
}

}  // namespace
}  // namespace hearth::cli
