// SPDX-License-Identifier: MIT
// The host with the program itself as engine process, on toy models.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/units.h"
#include "os/memory.h"
#include "tests/server/hosting.h"
#include "tests/support/toy_model.h"

namespace hearth::server {
namespace {

using engine::EventKind;
using test::Hosting;

ModelHostOptions real_options() {
  ModelHostOptions options = test::double_options();
  options.program.program = test::hearth_program();
  options.program.args = {"engine"};
  options.load.n_threads = 1;
  return options;
}

class RealEngine : public testing::Test {
 protected:
  void SetUp() override {
    const auto toy = test::make_toy_model({.arch = "llama", .vocabulary = true});
    ASSERT_TRUE(toy) << toy.error().message;
    ASSERT_TRUE(toy->write(host_.model("toy")));
  }

  uint64_t ask(const std::string& prompt, int64_t n_tokens, int64_t seed = 5) {
    engine::Job job;
    job.kind = engine::JobKind::kComplete;
    job.prompt = prompt;
    job.max_tokens = n_tokens;
    job.ignore_end = true;
    job.sampler.seed = seed;
    return host_->submit(host_.model("toy"), {}, std::move(job), host_.answers().sink());
  }

  Hosting host_{real_options()};
};

TEST_F(RealEngine, a_toy_model_answers_inside_the_sandbox_with_the_same_text_every_time) {
  const uint64_t first = ask("once", 12);
  const auto last = host_.last(first);
  ASSERT_EQ(last.kind, EventKind::kDone) << last.error.message;
  EXPECT_EQ(last.usage.n_completion, 12);
  const std::string text = host_.text(first);
  EXPECT_FALSE(text.empty());

  std::vector<uint64_t> together;
  for (int i = 0; i < 4; ++i) together.push_back(ask("once", 12));
  for (const uint64_t id : together) EXPECT_EQ(host_.text(id), text);

  ASSERT_EQ(::kill(host_.pid("toy"), SIGKILL), 0);
  EXPECT_TRUE(test::soon([&] { return host_->loaded().empty(); }));
  EXPECT_EQ(host_.text(ask("once", 12)), text);
}

TEST_F(RealEngine, tokens_are_counted_made_and_turned_back) {
  engine::Job job;
  job.kind = engine::JobKind::kTokenize;
  job.prompt = "hello";
  const auto events =
      host_.all(host_->submit(host_.model("toy"), {}, std::move(job), host_.answers().sink()));
  ASSERT_GE(events.size(), 2u);
  ASSERT_EQ(events.back().kind, EventKind::kDone) << events.back().error.message;
  const auto& result = events[events.size() - 2].result;
  ASSERT_TRUE(result.contains("tokens")) << result.dump();
  EXPECT_FALSE(result["tokens"].empty());
}

TEST_F(RealEngine, a_damaged_file_is_refused_by_name_and_a_cancel_ends_a_long_answer) {
  std::filesystem::copy_file(host_.model("toy"), host_.model("cut", 1),
                             std::filesystem::copy_options::overwrite_existing);
  std::filesystem::resize_file(host_.model("cut"),
                               std::filesystem::file_size(host_.model("cut")) / 2);
  const auto error = host_.last(host_.ask("cut", "x")).error;
  EXPECT_EQ(error.code, ErrorCode::kCorrupt) << error.message;
  EXPECT_NE(error.message.find("cut"), std::string::npos) << error.message;

  const uint64_t id = ask("once", 1'000'000'000);
  host_.answers().wait_for_first(id);
  host_->cancel(id);
  EXPECT_TRUE(test::soon([&] { return host_->counts().n_cancelled == 1; }));
}

TEST_F(RealEngine, what_was_given_to_a_model_is_near_what_it_takes) {
  ASSERT_EQ(host_.last(ask("once", 3)).kind, EventKind::kDone);
  ASSERT_EQ(host_->loaded().size(), 1u);
  // The program's own needs beside the model's are a few MiB.
  const uint64_t anonymous = os::anonymous_resident_bytes(host_.pid("toy"));
  EXPECT_GT(anonymous, 0u);
#ifndef HEARTH_SANITIZED
  EXPECT_LT(anonymous, host_->loaded()[0].bytes + 24 * kMiB);
#endif
}

// How often the threads of a process have waited, that is: woken.
long n_waits(int pid) {
  long n = 0;
  for (const auto& entry : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid))) {
    std::ifstream in(entry.path() / "status");
    for (std::string word; in >> word;) {
      long count = 0;
      if (word == "voluntary_ctxt_switches:" && in >> count) n += count;
    }
  }
  return n;
}

TEST_F(RealEngine, an_idle_model_wakes_nobody) {
#ifdef HEARTH_THREAD_SANITIZED
  GTEST_SKIP() << "the thread sanitizer has a thread of its own that wakes";
#endif
  ASSERT_EQ(host_.last(ask("once", 3)).kind, EventKind::kDone);
  const int engine = host_.pid("toy");
  // The last heartbeat and the watchdog's last look come within a second.
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  const long engine_before = n_waits(engine), own_before = n_waits(::getpid());
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  EXPECT_EQ(n_waits(engine), engine_before);
  EXPECT_LE(n_waits(::getpid()) - own_before, 3);  // this thread's own
}

}  // namespace
}  // namespace hearth::server
