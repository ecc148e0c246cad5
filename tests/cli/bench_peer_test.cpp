// SPDX-License-Identifier: MIT
// How peers are called, and what is made of their answers: whole, cut at every length, and wrong.
#include "cli/bench_peer.h"

#include <gtest/gtest.h>

#include <fstream>

#include "cli/bench_options.h"
#include "tests/support/temp_folder.h"

namespace hearth::cli {
namespace {

using Words = std::vector<std::string>;

const PeerRun kRun{.model_path = "m.gguf", .n_threads = 3, .cache_k = "f16", .cache_v = "f16"};
const BenchCase kPrefill{.is_prefill = true, .n_tokens = 512};
const BenchCase kDecode{.n_tokens = 64};
const BenchCase kDeepDecode{.n_tokens = 64, .depth = 4096};
const BenchCase kStreams{.n_tokens = 64, .n_sequences = 8};

Peer peer(PeerKind kind) { return {.kind = kind, .path = "P", .more_args = {}}; }

TEST(BenchPeer, a_peer_is_a_kind_and_a_path) {
  const auto got = parse_peer("ik-llama-bench=/a=b/bench");
  ASSERT_TRUE(got);
  EXPECT_EQ(got->kind, PeerKind::kIkLlamaBench);
  EXPECT_EQ(got->path, "/a=b/bench");
  EXPECT_EQ(got->name(), "ik-llama-bench");
  for (const char* const wrong : {"", "llama-bench", "llama-bench=", "=x", "other=x", "x=y=z"}) {
    const auto none = parse_peer(wrong);
    ASSERT_FALSE(none) << wrong;
    EXPECT_NE(none.error().hint.find("llama-batched-bench"), std::string::npos);
  }
}

TEST(BenchPeer, each_program_is_called_in_its_own_way) {
  const Peer llama = peer(PeerKind::kLlamaBench), ik = peer(PeerKind::kIkLlamaBench);
  EXPECT_EQ(
      peer_command(llama, kPrefill, kRun),
      (Words{"P", "-m", "m.gguf", "-t", "3", "-o", "json", "-r", "2", "-p", "512", "-n", "0"}));
  EXPECT_EQ(peer_command(llama, kDeepDecode, kRun),
            (Words{"P", "-m", "m.gguf", "-t", "3", "-o", "json", "-r", "1", "-p", "0", "-n", "64",
                   "-d", "4096"}));
  EXPECT_EQ(peer_command(ik, kDeepDecode, kRun),
            (Words{"P", "-m", "m.gguf", "-t", "3", "-o", "json", "-r", "1", "-p", "0", "-n", "0",
                   "-gp", "4096,64"}));
  Peer batched = peer(PeerKind::kLlamaBatchedBench);
  batched.more_args = {"-fa", "on"};
  EXPECT_EQ(peer_command(batched, kStreams, kRun),
            (Words{"P", "-m", "m.gguf", "-t", "3", "-npp", "1", "-ntg", "64", "-npl", "8", "-c",
                   "520", "-fa", "on"}));
  PeerRun other_cache = kRun;
  other_cache.cache_k = "q8_0";
  const auto command = peer_command(llama, kDecode, other_cache);
  EXPECT_NE(std::find(command.begin(), command.end(), "-ctk"), command.end());
  EXPECT_EQ(std::find(command.begin(), command.end(), "-ctv"), command.end());
}

TEST(BenchPeer, each_program_is_asked_for_what_it_can_measure_only) {
  const BenchCase deep_prefill{.is_prefill = true, .n_tokens = 32, .depth = 64};
  const Peer llama = peer(PeerKind::kLlamaBench), ik = peer(PeerKind::kIkLlamaBench);
  const Peer batched = peer(PeerKind::kLlamaBatchedBench);
  for (const BenchCase& one : {kPrefill, kDecode, kDeepDecode, deep_prefill}) {
    EXPECT_TRUE(can_measure(llama, one)) << one.text();
    EXPECT_FALSE(can_measure(batched, one)) << one.text();
    EXPECT_EQ(can_measure(ik, one), one != deep_prefill) << one.text();
  }
  EXPECT_TRUE(can_measure(batched, kStreams));
  EXPECT_FALSE(can_measure(llama, kStreams));
  EXPECT_FALSE(can_measure(ik, kStreams));
}

constexpr std::string_view kJson = R"([
  {"build_commit": "0", "n_prompt": 512, "n_gen": 0, "avg_ts": 336.5, "samples_ts": [300, 351.25]},
  {"n_prompt": 0, "n_gen": 64, "n_depth": 0, "avg_ts": 45.6},
  {"n_prompt": 4096, "n_gen": 64, "avg_ts": 12.5, "samples_ts": []}
])";

constexpr std::string_view kTable =
    "main: n_kv_max = 520\n\n"
    "|    PP |     TG |    B |   N_KV |   T_PP s | S_PP t/s |   T_TG s | S_TG t/s |      T s |    "
    "S t/s |\n"
    "|-------|--------|------|--------|----------|----------|----------|----------|----------|-----"
    "-----|\n"
    "|     1 |     64 |    4 |    260 |    0.500 |     8.00 |   10.000 |    25.60 |   10.500 |    "
    "24.76 |\n"
    "|     1 |     64 |    8 |    520 |    0.500 |    16.00 |   18.351 |    27.90 |   18.851 |    "
    "27.58 |\n";

TEST(BenchPeer, the_last_repetition_counts_or_else_the_mean) {
  const Peer llama = peer(PeerKind::kLlamaBench);
  EXPECT_EQ(parse_peer_output(llama, kPrefill, kJson).value_or(0), 351.25);
  EXPECT_EQ(parse_peer_output(llama, kDecode, kJson).value_or(0), 45.6);
  const Peer ik = peer(PeerKind::kIkLlamaBench);
  EXPECT_EQ(parse_peer_output(ik, kDeepDecode, kJson).value_or(0), 12.5);
}

TEST(BenchPeer, the_table_is_found_among_other_lines) {
  const Peer batched = peer(PeerKind::kLlamaBatchedBench);
  EXPECT_EQ(parse_peer_output(batched, kStreams, kTable).value_or(0), 27.9);
  BenchCase four = kStreams;
  four.n_sequences = 4;
  EXPECT_EQ(parse_peer_output(batched, four, kTable).value_or(0), 25.6);
  four.n_sequences = 2;
  EXPECT_FALSE(parse_peer_output(batched, four, kTable));
}

TEST(BenchPeer, an_answer_that_is_cut_is_an_error_at_every_length) {
  const std::string json(kJson.substr(0, kJson.find_last_of(']')));
  for (size_t n = 0; n <= json.size(); ++n) {
    EXPECT_FALSE(parse_peer_output(peer(PeerKind::kLlamaBench), kPrefill, json.substr(0, n)));
  }
  const size_t end = kTable.rfind('|');
  for (size_t n = 0; n < end; ++n) {
    const auto got =
        parse_peer_output(peer(PeerKind::kLlamaBatchedBench), kStreams, kTable.substr(0, n));
    // The last cell may be cut without anybody seeing it; the rate is in an earlier one.
    EXPECT_EQ(got.value_or(27.9), 27.9) << n;
  }
}

TEST(BenchPeer, answers_without_a_rate_are_errors) {
  const Peer llama = peer(PeerKind::kLlamaBench);
  for (const char* const wrong :
       {"", "null", "{}", "[]", "[1]", "[{}]", R"([{"n_prompt": 512, "n_gen": 0}])",
        R"([{"n_prompt": 512, "n_gen": 0, "avg_ts": 0}])",
        R"([{"n_prompt": 512, "n_gen": 0, "avg_ts": -3}])",
        R"([{"n_prompt": 512, "n_gen": 0, "avg_ts": "5"}])",
        R"([{"n_prompt": 511, "n_gen": 0, "avg_ts": 5}])"}) {
    EXPECT_FALSE(parse_peer_output(llama, kPrefill, wrong)) << wrong;
  }
}

TEST(BenchPeer, a_program_that_fails_is_an_error_with_its_last_words) {
  const test::TempFolder folder;
  const auto path = folder / "peer";
  std::ofstream(path) << "#!/bin/sh\necho first >&2\necho 'cannot load m.gguf' >&2\nexit 7\n";
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  Peer failing = peer(PeerKind::kLlamaBench);
  failing.path = path.string();
  const auto got = measure_peer(failing, kDecode, kRun, nullptr);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().message, "llama-bench failed with status 7: cannot load m.gguf");
}

}  // namespace
}  // namespace hearth::cli
