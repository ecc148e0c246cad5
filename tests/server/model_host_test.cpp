// SPDX-License-Identifier: MIT
// The host with real child processes.
#include "server/model_host.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <random>
#include <thread>

#include "base/clock.h"
#include "os/file_handle.h"
#include "os/socket_pair.h"
#include "tests/server/hosting.h"

namespace hearth::server {
namespace {

using engine::EventKind;
using test::Hosting;
using test::soon;

long n_descriptors() {
  const std::filesystem::directory_iterator folder("/proc/self/fd");
  return std::distance(begin(folder), end(folder));
}

TEST(ModelHost, a_model_is_loaded_when_it_is_asked_for_and_its_events_come_in_order) {
  Hosting host;
  EXPECT_TRUE(host->loaded().empty());
  const uint64_t id = host.ask("toy", "x");
  const auto events = host.all(id);
  ASSERT_EQ(events.size(), 6u);
  EXPECT_EQ(events[0].kind, EventKind::kStarted);
  EXPECT_GT(events[0].usage.load_ms, 0);
  EXPECT_EQ(host.text(id), "x0 x1 x2 ");
  EXPECT_EQ(events[5].usage.n_completion, 3);

  ASSERT_EQ(host->loaded().size(), 1u);
  const LoadedModel loaded = host->loaded()[0];
  EXPECT_EQ(loaded.name, "toy");
  EXPECT_EQ(loaded.state, LoadState::kReady);
  EXPECT_EQ(loaded.n_ctx, 2048);
  EXPECT_EQ(loaded.n_slots, 16);
  EXPECT_EQ(loaded.bytes, 64u * 1024 + (1 << 20));
  EXPECT_NEAR(static_cast<double>(loaded.expires_unix_s - std::time(nullptr)), 300, 3);
  EXPECT_EQ(host->counts().n_jobs, 1u);
  EXPECT_EQ(host->counts().n_completion, 3u);

  const uint64_t again = host.ask("toy", "y");
  EXPECT_LT(host.all(again)[0].usage.load_ms, events[0].usage.load_ms);
}

TEST(ModelHost, the_engine_process_has_no_files_no_network_and_no_other_processes) {
  Hosting host;
  const uint64_t id = host.ask("toy", "attack", 1);
  EXPECT_EQ(host.text(id), "nothing");
}

TEST(ModelHost, models_run_side_by_side_each_in_its_own_process) {
  Hosting host;
  const uint64_t a = host.ask("a", "slow", 20), b = host.ask("b", "slow", 20);
  EXPECT_EQ(host.last(a).kind, EventKind::kDone);
  EXPECT_EQ(host.last(b).kind, EventKind::kDone);
  EXPECT_NE(host.pid("a"), 0);
  EXPECT_NE(host.pid("a"), host.pid("b"));
}

TEST(ModelHost, what_has_no_model_is_an_error_and_paths_are_no_names_unless_allowed) {
  Hosting host;
  const auto refused = [](ModelHost& on, const std::string& model) {
    test::Answers answers;
    return answers.last(on.submit(model, {}, {}, answers.sink())).error;
  };
  EXPECT_EQ(refused(*host, "no-such-model").code, ErrorCode::kNotFound);
  const test::TempFolder folder;
  ModelHost closed(hub::Store(folder / "store"), test::double_options());
  const Error error = refused(closed, host.model("toy"));
  EXPECT_EQ(error.code, ErrorCode::kNotFound);
  EXPECT_EQ(refused(closed, "/no/such/file.gguf").hint, error.hint);
}

TEST(ModelHost, a_file_that_is_no_model_is_a_named_error_and_nobody_dies_of_it) {
  Hosting host;
  for (int i = 0; i < 5; ++i) {
    const auto error = host.last(host.ask("refuse", "x")).error;
    EXPECT_EQ(error.code, ErrorCode::kCorrupt);
    EXPECT_NE(error.message.find("this file is no model"), std::string::npos) << error.message;
  }
  EXPECT_TRUE(host->loaded().empty());
}

TEST(ModelHost, a_process_that_dies_fails_its_own_requests_and_the_next_one_starts_it_again) {
  Hosting host;
  const uint64_t other = host.ask("b", "slow", 200);
  host.answers().wait_for_first(other);
  for (const std::string how : {"crash", "exit"}) {
    EXPECT_EQ(host.last(host.ask("a", "x")).kind, EventKind::kDone);
    const uint64_t neighbour = host.ask("a", "slow", 100000);
    host.answers().wait_for_first(neighbour);
    const auto error = host.last(host.ask("a", how));
    EXPECT_EQ(error.error.code, ErrorCode::kIo) << error.error.message;
    EXPECT_FALSE(error.error.hint.empty());
    EXPECT_GT(error.retry_after_s, 0);
    EXPECT_EQ(host.last(neighbour).kind, EventKind::kError);
  }
  EXPECT_EQ(host.last(host.ask("a", "x")).kind, EventKind::kDone);
  EXPECT_EQ(host->counts().n_restarts, 2u);
  EXPECT_EQ(host.last(other).kind, EventKind::kDone);
}

TEST(ModelHost, a_model_whose_process_keeps_dying_is_off_until_it_is_asked_for_by_name) {
  Hosting host;
  for (int i = 0; i < 2; ++i) {
    const auto error = host.last(host.ask("toy", "crash")).error;
    EXPECT_EQ(error.message.find("is off"), std::string::npos) << error.message;
  }
  const auto third = host.last(host.ask("toy", "crash")).error;
  EXPECT_NE(third.message.find("toy is off"), std::string::npos) << third.message;
  EXPECT_NE(third.hint.find("hearth load toy"), std::string::npos) << third.hint;
  const auto fourth = host.last(host.ask("toy", "x"));
  EXPECT_EQ(fourth.error.message, third.message);

  std::promise<Status> loaded;
  host->load(host.model("toy"), {}, [&](Status status) { loaded.set_value(status); });
  EXPECT_TRUE(loaded.get_future().get());
  EXPECT_EQ(host.last(host.ask("toy", "x")).kind, EventKind::kDone);
}

TEST(ModelHost, another_file_in_its_place_is_another_chance) {
  Hosting host;
  for (int i = 0; i < 3; ++i) host.last(host.ask("toy", "crash"));
  EXPECT_EQ(host.last(host.ask("toy", "x")).kind, EventKind::kError);
  std::filesystem::resize_file(host.model("toy"), 1000);
  EXPECT_EQ(host.last(host.ask("toy", "x")).kind, EventKind::kDone);
  EXPECT_EQ(host->loaded()[0].bytes, 1000u + (1 << 20));
}

TEST(ModelHost, an_answer_in_between_forgives_the_deaths_before_it) {
  Hosting host;
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(host.last(host.ask("toy", "crash")).kind, EventKind::kError);
    EXPECT_EQ(host.last(host.ask("toy", "x")).kind, EventKind::kDone);
  }
}

TEST(ModelHost, a_crash_while_loading_fails_those_who_wait_and_counts) {
  Hosting host;
  const uint64_t a = host.ask("crash", "x"), b = host.ask("crash", "x");
  EXPECT_EQ(host.last(a).kind, EventKind::kError);
  EXPECT_EQ(host.last(b).kind, EventKind::kError);
  host.last(host.ask("crash", "x"));
  EXPECT_NE(host.last(host.ask("crash", "x")).error.message.find("is off"), std::string::npos);
}

TEST(ModelHost, after_deaths_starts_are_further_and_further_apart) {
  auto options = test::double_options();
  options.back_off = std::chrono::milliseconds(150);
  options.max_deaths = 100;
  Hosting host(options);
  host.last(host.ask("toy", "crash"));
  const Stopwatch watch;
  host.last(host.ask("toy", "crash"));
  EXPECT_GE(watch.elapsed_ms(), 150);
  host.last(host.ask("toy", "x"));
  EXPECT_GE(watch.elapsed_ms(), 150 + 300);
}

TEST(ModelHost, a_process_that_hangs_or_is_stopped_is_given_up_with_its_reason) {
  auto options = test::double_options();
  options.patience.silence = std::chrono::milliseconds(400);
  options.patience.step = std::chrono::milliseconds(800);
  Hosting host(options);
  const auto hung = host.last(host.ask("toy", "hang")).error;
  EXPECT_NE(hung.message.find("at one step"), std::string::npos) << hung.message;

  const uint64_t id = host.ask("toy", "slow", 100000);
  host.answers().wait_for_first(id);
  ASSERT_EQ(::kill(host.pid("toy"), SIGSTOP), 0);
  const auto stopped = host.last(id).error;
  EXPECT_NE(stopped.message.find("has not answered"), std::string::npos) << stopped.message;
  EXPECT_EQ(host.last(host.ask("toy", "x")).kind, EventKind::kDone);
}

// Between the first sign of an end and the end itself: half a second here.
TEST(ModelHost, requests_that_come_while_a_process_ends_are_answered_by_the_next_one) {
  auto options = test::double_options();
  options.patience.goodbye = std::chrono::milliseconds(500);
  Hosting host(options);
  host.last(host.ask("toy", "x"));
  const int first = host.pid("toy");
  const uint64_t ends_it = host.ask("toy", "hang up");
  std::vector<uint64_t> later;
  ASSERT_TRUE(soon([&] {
    later.push_back(host.ask("toy", "x"));
    return host.answers().n_events(ends_it) > 1;  // the one that says it has begun, and its end
  }));
  size_t n_answered = 0;
  for (const uint64_t id : later) {
    const auto last = host.last(id);
    if (last.kind == EventKind::kDone) {
      ++n_answered;
    } else {  // it was sent before there was a sign
      EXPECT_NE(last.error.message.find("signal 9"), std::string::npos) << last.error.message;
    }
  }
  EXPECT_NE(host.last(ends_it).error.message.find("signal 9"), std::string::npos);
  EXPECT_GT(n_answered, 1u);
  EXPECT_NE(host.pid("toy"), first);
}

TEST(ModelHost, a_model_file_that_shrinks_in_use_is_told_as_what_it_is) {
  Hosting host;
  const std::string path = host.model("toy");
  const std::fstream writer(path, std::ios::in | std::ios::out);  // so that there is no lease
  EXPECT_EQ(host.text(host.ask("toy", "lose the file", 1)), std::to_string(int{'w'}));
  std::filesystem::resize_file(path, 10);
  const auto error = host.last(host.ask("toy", "lose the file", 2)).error;
  EXPECT_NE(error.message.find("became shorter"), std::string::npos) << error.message;
}

TEST(ModelHost, a_model_file_that_is_written_to_in_use_ends_its_answers_before) {
  Hosting host;
  const std::string path = host.model("toy");
  const uint64_t id = host.ask("toy", "slow", 1000000), other = host.ask("other", "slow", 200);
  host.answers().wait_for_first(id);
  std::fstream(path, std::ios::in | std::ios::out) << 'x';
  const auto error = host.last(id).error;
  EXPECT_NE(error.message.find("was written to"), std::string::npos) << error.message;
  EXPECT_EQ(host.last(other).kind, EventKind::kDone);
  EXPECT_EQ(host.text(host.ask("toy", "lose the file", 1)), std::to_string(int{'x'}));
}

TEST(ModelHost, a_cancel_frees_the_job_and_leaves_the_neighbours_alone) {
  Hosting host;
  const uint64_t gone = host.ask("toy", "slow", 1000000), stays = host.ask("toy", "slow", 60);
  host.answers().wait_for_first(gone);
  host->cancel(gone);
  EXPECT_TRUE(soon([&] { return host->loaded()[0].n_running == 1; }));
  EXPECT_EQ(host.last(stays).kind, EventKind::kDone);
  EXPECT_TRUE(soon([&] { return host->counts().n_cancelled == 1; }));
  // While the model is still being loaded.
  const uint64_t early = host.ask("slow", "x");
  host->cancel(early);
  EXPECT_EQ(host.last(host.ask("slow", "x")).kind, EventKind::kDone);
  EXPECT_EQ(host.answers().n_events(early), 0u);
  host->cancel(999999);
}

TEST(ModelHost, a_job_that_is_held_makes_nothing_until_it_is_let_go) {
  Hosting host;
  const uint64_t id = host.ask("toy", "slow", 100);
  host.answers().wait_for_first(id);
  host->hold(id, true);
  size_t before = 0;
  EXPECT_TRUE(soon([&] {
    before = host.answers().n_events(id);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    return before == host.answers().n_events(id);
  }));
  EXPECT_LT(before, 100u);
  host->hold(id, false);
  EXPECT_EQ(host.last(id).kind, EventKind::kDone);
}

TEST(ModelHost, an_unused_model_goes_after_its_time_and_memory_comes_back) {
  Hosting host;
  host.last(host.ask("toy", "x", 3, {.keep_alive_s = 0}));
  EXPECT_TRUE(soon([&] { return host->loaded().empty(); }));

  host.last(host.ask("toy", "x", 3, {.keep_alive_s = 1}));
  const int pid = host.pid("toy");
  ASSERT_NE(pid, 0);
  EXPECT_EQ(::kill(pid, 0), 0);
  EXPECT_TRUE(soon([&] { return host->loaded().empty(); }));
  EXPECT_EQ(::kill(pid, 0), -1);  // the process is gone, and waited for

  host.last(host.ask("toy", "x", 3, {.keep_alive_s = -1}));
  EXPECT_EQ(host->loaded()[0].expires_unix_s, -1);
}

TEST(ModelHost, loading_and_unloading_can_be_asked_for) {
  Hosting host;
  std::promise<Status> first, broken;
  host->load(host.model("toy"), {}, [&](Status status) { first.set_value(status); });
  EXPECT_TRUE(first.get_future().get());
  host->load(host.model("refuse"), {}, [&](Status status) { broken.set_value(status); });
  EXPECT_EQ(broken.get_future().get().error().code, ErrorCode::kCorrupt);
  const uint64_t running = host.ask("toy", "slow", 40);
  host.answers().wait_for_first(running);
  EXPECT_TRUE(host->unload(host.model("toy")));
  EXPECT_EQ(host.last(running).kind, EventKind::kDone);  // it may end first
  EXPECT_TRUE(soon([&] { return host->loaded().empty(); }));
  EXPECT_EQ(host->unload(host.model("toy")).error().code, ErrorCode::kNotFound);
}

TEST(ModelHost, a_request_while_a_model_leaves_loads_it_again) {
  Hosting host;
  const uint64_t running = host.ask("toy", "slow", 40);
  host.answers().wait_for_first(running);
  ASSERT_TRUE(host->unload(host.model("toy")));
  const uint64_t next = host.ask("toy", "x");
  EXPECT_EQ(host.last(running).kind, EventKind::kDone);
  EXPECT_EQ(host.last(next).kind, EventKind::kDone);
}

TEST(ModelHost, a_longer_context_is_given_once_running_answers_are_over) {
  Hosting host;
  const uint64_t running = host.ask("toy", "slow", 20);
  host.answers().wait_for_first(running);
  const uint64_t longer = host.ask("toy", "x", 3, {.n_ctx = 5000});
  EXPECT_EQ(host.last(running).kind, EventKind::kDone);
  EXPECT_EQ(host.last(longer).kind, EventKind::kDone);
  EXPECT_EQ(host->loaded()[0].n_ctx, 5000);
  const int pid = host.pid("toy");
  host.last(host.ask("toy", "x", 3, {.n_ctx = 100}));
  EXPECT_EQ(host.pid("toy"), pid);  // a shorter one fits into it
}

TEST(ModelHost, what_does_not_fit_is_refused_before_it_begins_with_the_numbers) {
  auto options = test::double_options();
  options.available_bytes = [] { return Result<uint64_t>(uint64_t{1} << 20); };
  Hosting host(options);
  host.model("toy", 2 << 20);
  const auto error = host.last(host.ask("toy", "x")).error;
  EXPECT_EQ(error.code, ErrorCode::kNoMemory);
  EXPECT_NE(error.message.find("2.0 MiB"), std::string::npos) << error.message;
  EXPECT_NE(error.message.find("1.0 MiB"), std::string::npos) << error.message;

  auto small = test::double_options();
  small.available_bytes = [] { return Result<uint64_t>(uint64_t{32} << 20); };
  Hosting with_cache(small);
  const auto cache = with_cache.last(with_cache.ask("large", "x")).error;
  EXPECT_EQ(cache.code, ErrorCode::kNoMemory);
  EXPECT_NE(cache.message.find("cache 64.0 MiB"), std::string::npos) << cache.message;
}

TEST(ModelHost, idle_models_make_room_the_longest_unused_first_and_busy_ones_stay) {
  auto options = test::double_options();
  // Two of these models fit (4 MiB of file, and 1 MiB of cache, touched or not), three do not.
  options.available_bytes = [] { return Result<uint64_t>(uint64_t{11} << 20); };
  Hosting host(options);
  for (const char* name : {"a", "b", "c", "d"}) host.model(name, 4 << 20);
  host.last(host.ask("a", "x"));
  host.last(host.ask("b", "x"));
  host.last(host.ask("a", "x"));
  EXPECT_EQ(host.last(host.ask("c", "x")).kind, EventKind::kDone);
  EXPECT_NE(host.pid("a"), 0);
  EXPECT_EQ(host.pid("b"), 0);

  const uint64_t busy_a = host.ask("a", "slow", 100000), busy_c = host.ask("c", "slow", 100000);
  host.answers().wait_for_first(busy_a);
  host.answers().wait_for_first(busy_c);
  const auto refused = host.last(host.ask("d", "x"));
  EXPECT_EQ(refused.error.code, ErrorCode::kNoMemory) << refused.error.message;
  EXPECT_GT(refused.retry_after_s, 0);
  host->cancel(busy_c);
  EXPECT_TRUE(soon([&] { return host.last(host.ask("d", "x")).kind == EventKind::kDone; }));
  EXPECT_NE(host.pid("a"), 0);
  EXPECT_EQ(host.pid("c"), 0);
}

TEST(ModelHost, the_number_of_models_can_be_bounded_too) {
  auto options = test::double_options();
  options.max_loaded = 1;
  Hosting host(options);
  host.last(host.ask("a", "x"));
  EXPECT_EQ(host.last(host.ask("b", "x")).kind, EventKind::kDone);
  EXPECT_EQ(host->loaded().size(), 1u);
  EXPECT_EQ(host->loaded()[0].name, "b");
}

TEST(ModelHost, too_many_requests_for_one_model_are_refused_at_once) {
  auto options = test::double_options();
  options.max_jobs = 3;
  Hosting host(options);
  std::vector<uint64_t> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(host.ask("toy", "slow", 50));
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto last = host.last(ids[i]);
    ASSERT_EQ(last.kind, i < 3 ? EventKind::kDone : EventKind::kError);
    if (i < 3) continue;
    EXPECT_EQ(last.error.code, ErrorCode::kLimit);
    EXPECT_GT(last.retry_after_s, 0);
  }
}

TEST(ModelHost, a_shutdown_lets_answers_end_in_its_time_and_ends_the_others_with_a_word) {
  Hosting host;
  const uint64_t short_one = host.ask("toy", "slow", 10);
  const uint64_t long_one = host.ask("toy", "slow", 1000000);
  const uint64_t loading = host.ask("endless", "x");
  host.answers().wait_for_first(long_one);
  const Stopwatch watch;
  host->shutdown(std::chrono::milliseconds(500));
  EXPECT_LT(watch.elapsed_ms(), 5000);
  EXPECT_EQ(host.last(short_one).kind, EventKind::kDone);
  EXPECT_EQ(host.last(long_one).error.code, ErrorCode::kInterrupted);
  EXPECT_EQ(host.last(loading).error.code, ErrorCode::kInterrupted);
  EXPECT_TRUE(host->loaded().empty());
  EXPECT_EQ(host.last(host.ask("toy", "x")).error.code, ErrorCode::kInterrupted);

  Hosting quick;
  quick.last(quick.ask("toy", "x"));
  const Stopwatch idle;
  quick->shutdown(std::chrono::seconds(60));
  EXPECT_LT(idle.elapsed_ms(), 5000);  // nothing to wait for
}

TEST(ModelHost, engines_tell_of_themselves_and_one_that_dies_meanwhile_is_left_out) {
  Hosting host;
  const auto stats = [&] {
    std::promise<nlohmann::ordered_json> said;
    host->stats([&](nlohmann::ordered_json list) { said.set_value(std::move(list)); });
    return said.get_future().get();
  };
  EXPECT_EQ(stats().dump(), "[]");
  const uint64_t running = host.ask("toy", "slow", 1000000);
  host.answers().wait_for_first(running);
  host.last(host.ask("other", "x"));
  const auto two = stats();
  ASSERT_EQ(two.size(), 2u);
  EXPECT_EQ(two[0]["model"], "other");
  EXPECT_EQ(two[1]["jobs"]["n_running"], 1);
  EXPECT_GT(two[1]["n_steps"], 0);

  ASSERT_EQ(::kill(host.pid("other"), SIGSTOP), 0);
  std::promise<nlohmann::ordered_json> said;
  host->stats([&](nlohmann::ordered_json list) { said.set_value(std::move(list)); });
  ASSERT_EQ(::kill(host.pid("other"), SIGKILL), 0);
  const auto one = said.get_future().get();
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0]["model"], "toy");
}

// A server that is killed leaves no engine behind, not even one that computes.
#ifndef HEARTH_THREAD_SANITIZED  // which knows no threads after a fork
TEST(ModelHost, engines_end_with_their_server_however_it_ends) {
  const test::TempFolder folder;  // of the server's own, which cannot be removed by it
  auto sockets = os::make_socket_pair();
  ASSERT_TRUE(sockets);
  const pid_t server = ::fork();
  ASSERT_GE(server, 0);
  if (server == 0) {
    ::setenv("TMPDIR", folder.path().c_str(), 1);
    Hosting host;
    const uint64_t hanging = host.ask("toy", "hang");
    host.answers().wait_for_first(hanging);
    const int pid = host.pid("toy");
    (void)os::send_all(sockets->theirs, std::string_view(reinterpret_cast<const char*>(&pid), 4));
    ::pause();
    ::_exit(0);
  }
  int engine = 0;
  ASSERT_TRUE(os::receive_some(sockets->ours, {reinterpret_cast<char*>(&engine), 4}));
  ASSERT_GT(engine, 0);
  EXPECT_EQ(::kill(engine, 0), 0);
  ASSERT_EQ(::kill(server, SIGKILL), 0);
  ASSERT_EQ(::waitpid(server, nullptr, 0), server);
  // Gone, or a zombie of whoever inherits it.
  EXPECT_TRUE(soon([&] {
    const auto status = os::read_text_file(fmt::format("/proc/{}/stat", engine), 4096);
    return !status || status->find(") Z ") != std::string::npos;
  }));
}
#endif

// Kills at random moments under load: every request has a last event, what was not killed answers
// right, the model always comes back, and nothing is left behind.
TEST(ModelHost, killed_at_random_fifty_times_under_load_it_always_answers_again) {
  auto options = test::double_options();
  options.max_deaths = 1000;
  const long before = n_descriptors();
  {
    Hosting host(options);
    std::mt19937 random(7);
    size_t n_failed = 0;
    for (int round = 0; round < 50; ++round) {
      std::vector<uint64_t> ids;
      for (int i = 0; i < 8; ++i) ids.push_back(host.ask("toy", "slow", 4));
      const uint64_t other = host.ask("other", "x");
      std::this_thread::sleep_for(std::chrono::milliseconds(random() % 30));
      if (const int pid = host.pid("toy"); pid != 0) ::kill(pid, SIGKILL);
      for (const uint64_t id : ids) {
        const auto last = host.last(id);
        if (last.kind == EventKind::kDone) {
          EXPECT_EQ(host.text(id), "slow0 slow1 slow2 slow3 ");
        } else {
          ++n_failed;
          EXPECT_EQ(last.error.code, ErrorCode::kIo) << last.error.message;
          EXPECT_NE(last.error.message.find("signal 9"), std::string::npos) << last.error.message;
        }
      }
      EXPECT_EQ(host.last(other).kind, EventKind::kDone);
    }
    EXPECT_GT(n_failed, 50u);
    EXPECT_EQ(host.last(host.ask("toy", "x")).kind, EventKind::kDone);
    EXPECT_EQ(host->loaded().size(), 2u);
  }
  EXPECT_EQ(n_descriptors(), before);
}

}  // namespace
}  // namespace hearth::server
