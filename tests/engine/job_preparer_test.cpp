// SPDX-License-Identifier: MIT
#include "engine/job_preparer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <string>

namespace hearth::engine {
namespace {

using namespace std::chrono_literals;

Job job(uint64_t id, size_t n_bytes = 100'000) {
  Job made;
  made.id = id;
  made.prompt.assign(n_bytes, 'x');
  return made;
}

std::optional<JobPreparer::Prepared> next(JobPreparer& preparer) {
  for (int i = 0; i < 1000 && preparer.n_jobs() > 0; ++i) {
    if (auto prepared = preparer.take()) return prepared;
    preparer.wait(100ms);
  }
  return std::nullopt;
}

TEST(JobPreparer, long_jobs_are_those_with_much_text_wherever_it_stands) {
  EXPECT_FALSE(JobPreparer::is_long(job(1, 1000)));
  EXPECT_TRUE(JobPreparer::is_long(job(1)));
  Job one;
  const std::string text(70'000, 'x');
  one.messages = {{{"role", "user"}, {"content", {{{"type", "text"}, {"text", text}}}}}};
  EXPECT_TRUE(JobPreparer::is_long(one));
  one.messages = nullptr;
  EXPECT_FALSE(JobPreparer::is_long(one));
  one.tools = {{{"function", {{"description", text}}}}};
  EXPECT_TRUE(JobPreparer::is_long(one));
  one.tools = nullptr;
  one.texts.assign(700, std::string(100, 'x'));
  EXPECT_TRUE(JobPreparer::is_long(one));
  one.texts.clear();
  one.tokens.assign(20'000, 1);
  EXPECT_TRUE(JobPreparer::is_long(one));
}

TEST(JobPreparer, what_is_read_comes_back_in_order_while_the_asker_goes_on) {
  std::latch may_read(1);
  std::vector<uint64_t> then;
  JobPreparer preparer([&](Job& read) -> JobPreparer::Then {
    may_read.wait();
    read.prompt += "!";
    return [&](Job& done) { then.push_back(done.id); };
  });
  for (uint64_t id = 1; id <= 3; ++id) ASSERT_TRUE(preparer.give(job(id)));
  EXPECT_FALSE(preparer.take()) << "nothing has been read";
  EXPECT_EQ(preparer.n_jobs(), 3u);
  EXPECT_TRUE(preparer.park(2, true));
  EXPECT_FALSE(preparer.park(9, true));
  may_read.count_down();
  for (uint64_t id = 1; id <= 3; ++id) {
    auto prepared = next(preparer);
    ASSERT_TRUE(prepared);
    EXPECT_EQ(prepared->job.id, id);
    EXPECT_TRUE(prepared->job.prompt.ends_with("x!"));
    EXPECT_EQ(prepared->parked, id == 2);
    prepared->then(prepared->job);
  }
  EXPECT_EQ(then, (std::vector<uint64_t>{1, 2, 3}));
  EXPECT_EQ(preparer.n_jobs(), 0u);
}

TEST(JobPreparer, a_dropped_job_never_comes_back_read_or_not) {
  std::latch is_reading(1), may_read(1);
  JobPreparer preparer([&](Job& read) -> JobPreparer::Then {
    if (read.id == 1) is_reading.count_down();
    may_read.wait();
    return [](Job&) {};
  });
  for (uint64_t id = 1; id <= 3; ++id) ASSERT_TRUE(preparer.give(job(id)));
  is_reading.wait();
  EXPECT_TRUE(preparer.drop(1)) << "it is being read";
  EXPECT_TRUE(preparer.drop(2)) << "it waits";
  EXPECT_FALSE(preparer.drop(2));
  may_read.count_down();
  auto prepared = next(preparer);
  ASSERT_TRUE(prepared);
  EXPECT_EQ(prepared->job.id, 3u);
  EXPECT_EQ(preparer.n_jobs(), 0u);
}

TEST(JobPreparer, too_much_at_once_is_refused_and_nothing_of_it_is_lost) {
  std::latch may_read(1);
  std::atomic<int> n_read = 0;
  {
    JobPreparer preparer([&](Job&) -> JobPreparer::Then {
      may_read.wait();
      ++n_read;
      return nullptr;
    });
    int n_given = 0;
    Status last;
    while ((last = preparer.give(job(static_cast<uint64_t>(n_given) + 1))) && n_given < 10'000)
      ++n_given;
    EXPECT_EQ(last.error().code, ErrorCode::kLimit);
    EXPECT_EQ(preparer.n_jobs(), static_cast<size_t>(n_given));
    may_read.count_down();
    for (int i = 0; i < 10; ++i) {
      auto prepared = next(preparer);
      ASSERT_TRUE(prepared);
      EXPECT_FALSE(prepared->then);
    }
  }
  EXPECT_GE(n_read, 10) << "the rest ended with it";
}

TEST(JobPreparer, a_reader_without_memory_is_told) {
  JobPreparer preparer([](Job&) -> JobPreparer::Then { throw std::bad_alloc(); });
  ASSERT_TRUE(preparer.give(job(1)));
  auto prepared = next(preparer);
  ASSERT_TRUE(prepared);
  EXPECT_FALSE(prepared->then);
}

}  // namespace
}  // namespace hearth::engine
