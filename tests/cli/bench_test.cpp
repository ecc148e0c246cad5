// SPDX-License-Identifier: MIT
// hearth bench on a toy model: the figures are there and consistent, a peer runs beside it, and a
// busy machine makes no comparison.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "os/cpu_info.h"
#include "tests/support/run_hearth.h"
#include "tests/support/temp_folder.h"
#include "tests/support/toy_model.h"

namespace hearth::cli {
namespace {

using test::Ran;
using test::run_hearth;

class Bench : public testing::Test {
 protected:
  Bench() {
    const auto toy = test::make_toy_model({.arch = "llama"});
    EXPECT_TRUE(toy && toy->write(folder_ / "toy.gguf"));
    model_ = (folder_ / "toy.gguf").string();
  }

  // Small where the arguments say nothing else.
  Ran bench(std::vector<std::string> args) {
    const std::pair<std::string, std::string> defaults[] = {
        {"-t", "1"}, {"--reps", "3"}, {"-n", "3"}, {"-p", "8"}, {"--buffer", "1"}};
    for (const auto& [name, value] : defaults) {
      if (std::find(args.begin(), args.end(), name) != args.end()) continue;
      args.insert(args.end(), {name, value});
    }
    args.insert(args.begin(), {"bench", model_});
    return run_hearth(args);
  }

  // A peer that answers every call with 100 tokens/s and writes its arguments, a line each call.
  std::string write_peer(const std::string& name) {
    const auto path = folder_ / name;
    std::ofstream(path) << "#!/bin/sh\necho \"$@\" >> " << (folder_ / "calls").string() << R"(
while [ $# -gt 0 ]; do
  case $1 in -p) p=$2;; -n) n=$2;; -npl) pl=$2;; -ntg) tg=$2;; esac
  shift
done
if [ -n "$pl" ]; then
  echo "| 1 | $tg | $pl | 9 | 1.0 | 1.0 | 1.0 | 100.0 | 1.0 | 1.0 |" >&2
else
  echo "[{\"n_prompt\": $p, \"n_gen\": $n, \"avg_ts\": 100}]"
fi
)";
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path.string();
  }

  std::vector<std::string> calls() {
    std::vector<std::string> lines;
    std::ifstream in(folder_ / "calls");
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }

  test::TempFolder folder_;
  std::string model_;
};

TEST_F(Bench, json_has_every_figure_and_its_fractions) {
  const Ran ran = bench({"--json"});
  ASSERT_EQ(ran.status, 0) << ran.err << ran.out;
  const auto json = ran.json();
  for (const char* const what : {"prefill_tps", "decode_tps"}) {
    EXPECT_GT(json[what]["median"].get<double>(), 0);
    EXPECT_LE(json[what]["min"], json[what]["median"]);
    EXPECT_LE(json[what]["median"], json[what]["max"]);
  }
  EXPECT_EQ(json["prompt"], 8);
  EXPECT_EQ(json["predict"], 3);
  EXPECT_EQ(json["threads"], 1);
  EXPECT_TRUE(json["busy"].is_boolean());
  EXPECT_FALSE(json.contains("peer"));
  ASSERT_EQ(json["cases"].size(), 2u);
  const auto& decode = json["cases"][1];
  const double read = decode["bytes_per_token"].get<double>() *
                      json["decode_tps"]["median"].get<double>() /
                      (json["read_gbps"].get<double>() * 1e9);
  EXPECT_NEAR(json["read_fraction"].get<double>(), read, 1e-9 * read);
  const auto& prefill = json["cases"][0];
  const double macs =
      prefill["macs_per_token"].get<double>() + prefill["attention_macs_per_token"].get<double>();
  const double int8 =
      macs * json["prefill_tps"]["median"].get<double>() / (json["int8_gmacs"].get<double>() * 1e9);
  EXPECT_NEAR(json["int8_fraction"].get<double>(), int8, 1e-9 * int8);
}

TEST_F(Bench, lists_make_a_case_of_each_combination) {
  const Ran ran = bench({"--json", "--no-limits", "-p", "4,8", "--depth", "0,5", "--batch", "1,3"});
  ASSERT_EQ(ran.status, 0) << ran.err << ran.out;
  const auto json = ran.json();
  EXPECT_FALSE(json.contains("read_fraction"));
  std::vector<std::string> cases;
  for (const auto& one : json["cases"]) {
    cases.push_back(one["what"].get<std::string>() + " " + one["tokens"].dump() + " " +
                    one["depth"].dump() + " " + one["sequences"].dump());
    EXPECT_GT(one["tps"]["min"].get<double>(), 0);
  }
  EXPECT_EQ(cases, (std::vector<std::string>{"prefill 4 0 1", "prefill 8 0 1", "decode 3 0 1",
                                             "decode 3 0 3", "prefill 4 5 1", "prefill 8 5 1",
                                             "decode 3 5 1", "decode 3 5 3"}));
  // Sequences share the weights that a step reads.
  EXPECT_LT(json["cases"][3]["bytes_per_token"], json["cases"][2]["bytes_per_token"]);
}

TEST_F(Bench, the_profile_shows_kinds_of_steps_and_their_sum) {
  const Ran ran = bench({"--profile", "-p", "0"});
  ASSERT_EQ(ran.status, 0) << ran.err << ran.out;
  for (const char* const word : {"kind of step", "attn_heads", "ffn_down", "logits", "all"}) {
    EXPECT_NE(ran.out.find(word), std::string::npos) << word << "\n" << ran.out;
  }
  EXPECT_EQ(ran.out.find("prefill"), std::string::npos) << ran.out;
  const auto json = bench({"--profile", "--json", "-p", "0"}).json();
  double share = 0;
  for (const auto& row : json["cases"][0]["profile"]) share += row["share"].get<double>();
  EXPECT_NEAR(share, 1.0, 1e-9);
}

TEST_F(Bench, a_peer_runs_after_each_counted_round_with_the_same_file_and_threads) {
  const std::string path = write_peer("peer");
  const Ran ran = bench({"--json", "--busy-ok", "--batch", "1,2", "--against",
                         "llama-bench=" + path, "--against", "llama-batched-bench=" + path});
  ASSERT_EQ(ran.status, 0) << ran.err << ran.out;
  const auto json = ran.json();
  const double ours = json["decode_tps"]["median"];
  EXPECT_NEAR(json["peer"]["ratio"].get<double>(), ours / 100, 1e-9 * ours);
  EXPECT_EQ(json["peer"]["decode_tps"]["median"], 100);
  EXPECT_EQ(json["peer"]["name"], "llama-bench");
  EXPECT_EQ(json["cases"][2]["peer"]["name"], "llama-batched-bench");
  const auto lines = calls();
  ASSERT_EQ(lines.size(), 9u) << "three rounds of three cases";
  const std::string same = "-m " + model_ + " -t 1 ";
  EXPECT_EQ(lines[0], same + "-o json -r 2 -p 8 -n 0");
  EXPECT_EQ(lines[3], same + "-o json -r 2 -p 0 -n 3");
  EXPECT_EQ(lines[6], same + "-npp 1 -ntg 3 -npl 2 -c 8");
}

TEST_F(Bench, a_peer_that_cannot_run_is_an_error_that_names_it) {
  const Ran ran = bench({"--busy-ok", "--no-limits", "--against", "llama-bench=/no/such/peer"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_NE(ran.err.find("/no/such/peer"), std::string::npos) << ran.err;
}

// Programs that do nothing but use the processors, enough for a tenth of them.
class Spinners {
 public:
  Spinners() {
    for (int i = 0; i <= os::cpu_info().logical_cpus / 5; ++i) {
      const pid_t pid = ::fork();
      if (pid == 0) {
        for (;;) ::getppid();
      }
      pids_.push_back(pid);
    }
  }
  ~Spinners() {
    for (const pid_t pid : pids_) {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
    }
  }

 private:
  std::vector<pid_t> pids_;
};

TEST_F(Bench, on_a_busy_machine_there_is_no_comparison_unless_wanted) {
  const Spinners spinners;
  const std::string path = write_peer("peer");
  const Ran refused = bench({"--against", "llama-bench=" + path});
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE(refused.err.find("the machine is busy"), std::string::npos) << refused.err;
  EXPECT_NE(refused.err.find("--busy-ok"), std::string::npos) << refused.err;
  EXPECT_TRUE(calls().empty());
  const Ran wanted = bench({"--against", "llama-bench=" + path, "--busy-ok", "--json"});
  EXPECT_EQ(wanted.status, 0) << wanted.err;
  EXPECT_EQ(wanted.json()["busy"], true);
  EXPECT_NE(wanted.err.find("not to be relied on: other programs"), std::string::npos);
  const Ran alone = bench({"--json"});
  EXPECT_EQ(alone.status, 0) << "only comparisons are refused";
  EXPECT_EQ(alone.json()["busy"], true);
}

TEST_F(Bench, numbers_that_cannot_be_are_wrong_use) {
  for (const std::vector<std::string>& args :
       std::vector<std::vector<std::string>>{{"-p", "0", "-n", "0"},
                                             {"-p", "-1"},
                                             {"-p", "8,x"},
                                             {"--batch", "0"},
                                             {"--batch", "1,9999"},
                                             {"--depth", "-5"},
                                             {"--reps", "0"},
                                             {"--against", "llama-bench"},
                                             {"--buffer", "-1"}}) {
    EXPECT_EQ(bench(args).status, 2) << args[0] << " " << args[1];
  }
}

}  // namespace
}  // namespace hearth::cli
