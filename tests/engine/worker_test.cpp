// SPDX-License-Identifier: MIT
// The engine process's loop on a thread of the test, with jobs that need no model.
#include "engine/worker.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <deque>
#include <thread>

#include "base/clock.h"
#include "os/socket_pair.h"
#include "tests/engine/protocol_messages.h"
#include "tests/engine/toy_jobs.h"

namespace hearth::engine {
namespace {

using Opened = Result<OpenModel>;

Opened open_toy(const Load& load, EventSink sink) {
  if (load.file == "/broken") return corrupt("model.gguf: cut short");
  OpenModel model;
  model.jobs = std::make_unique<test::ToyJobs>(std::move(sink));
  model.loaded.arch = "toy";
  return model;
}

// The server's end of a worker.
class Served {
 public:
  explicit Served(const ModelOpener& open = open_toy, int heartbeat_ms = 1000)
      : sockets_(os::make_socket_pair()), thread_([this, open, heartbeat_ms] {
          status_ =
              run_worker(sockets_->theirs, open, {.sandbox = false, .heartbeat_ms = heartbeat_ms});
          sockets_->theirs.close();
        }) {}
  ~Served() { end(); }

  void send(const Message& message) { send_bytes(encode(message).value_or("")); }
  void send_bytes(std::string_view bytes) { EXPECT_TRUE(os::send_all(sockets_->ours, bytes)); }

  // The next message; nothing after timeout_ms or at the end.
  std::optional<Message> receive(int timeout_ms = 10000) {
    while (true) {
      const auto payload = frames_.next();
      EXPECT_TRUE(payload);
      if (payload && *payload) {
        auto message = decode(**payload);
        EXPECT_TRUE(message) << message.error().message;
        return message ? std::optional<Message>(std::move(*message)) : std::nullopt;
      }
      if (!os::wait_until_readable(sockets_->ours, timeout_ms)) return std::nullopt;
      std::array<char, 4096> buffer;
      const auto n = os::receive_some(sockets_->ours, buffer);
      if (!n || *n == 0) return std::nullopt;
      frames_.append({buffer.data(), *n});
    }
  }
  template <class T>
  T receive_one() {
    auto message = receive();
    if (message && std::holds_alternative<T>(*message)) return std::get<T>(std::move(*message));
    ADD_FAILURE() << "another message, or none, came";
    return {};
  }
  // All events of a job up to its last.
  std::vector<Event> events(uint64_t id) {
    std::vector<Event> list;
    while (auto message = receive()) {
      auto* const event = std::get_if<Event>(&*message);
      if (event == nullptr || event->id != id) continue;
      list.push_back(std::move(*event));
      if (list.back().kind == EventKind::kDone || list.back().kind == EventKind::kError) break;
    }
    return list;
  }

  Loaded load(const Load& load = {}) {
    send(load);
    return receive_one<Loaded>();
  }
  // Closes the server's end and waits for the worker.
  Status end() {
    if (thread_.joinable()) {
      os::end_reading(sockets_->ours);
      sockets_->ours.close();
      thread_.join();
    }
    return status_;
  }
  // Waits for a worker that ends of itself.
  Status wait() {
    thread_.join();
    return status_;
  }

 private:
  Result<os::SocketPair> sockets_;
  FrameBuffer frames_;
  Status status_;
  std::thread thread_;
};

Job count_job(uint64_t id, int64_t n, std::string prompt = "x") {
  Job job;
  job.id = id;
  job.kind = JobKind::kComplete;
  job.prompt = std::move(prompt);
  job.max_tokens = n;
  return job;
}

TEST(Worker, a_model_is_loaded_and_a_job_runs_to_its_last_event) {
  Served served;
  EXPECT_EQ(served.load().arch, "toy");
  served.send(count_job(1, 3));
  const auto events = served.events(1);
  ASSERT_EQ(events.size(), 6u);
  EXPECT_EQ(events[0].kind, EventKind::kStarted);
  EXPECT_EQ(events[3].text, "x2 ");
  EXPECT_EQ(events[5].kind, EventKind::kDone);
  EXPECT_EQ(events[5].usage.n_completion, 3);
  EXPECT_TRUE(served.end());
}

TEST(Worker, a_model_that_cannot_be_loaded_is_told_with_its_reason) {
  Served served;
  Load load;
  load.file = "/broken";
  served.send(load);
  EXPECT_EQ(served.receive_one<Refused>().error.message, "model.gguf: cut short");
  EXPECT_FALSE(served.wait());
}

// A model whose cache takes 1000 bytes for each position.
Opened open_measured(const Load& load, EventSink sink) {
  OpenModel model;
  model.jobs = std::make_unique<test::ToyJobs>(std::move(sink));
  model.loaded.n_ctx = load.n_ctx > 0 ? load.n_ctx : 32768;
  model.loaded.file_bytes = 5'000'000;
  model.loaded.kv_bytes = uint64_t{1000} * static_cast<uint64_t>(model.loaded.n_ctx);
  return model;
}

TEST(Worker, a_context_that_was_left_to_the_engine_becomes_as_short_as_the_memory_asks) {
  Served served(open_measured);
  const Loaded loaded = served.load({.name = "toy", .memory_bytes = 14'000'000});
  EXPECT_EQ(loaded.n_ctx, 8192);
  ASSERT_EQ(loaded.warnings.size(), 1u);
  EXPECT_NE(loaded.warnings[0].find("context 8192 instead of 32768"), std::string::npos);
}

TEST(Worker, what_does_not_fit_is_refused_with_the_numbers) {
  for (const Load& load :
       {Load{.n_ctx = 16384, .memory_bytes = 14'000'000}, Load{.memory_bytes = 8'000'000}}) {
    Served served(open_measured);
    served.send(load);
    const Error error = served.receive_one<Refused>().error;
    EXPECT_EQ(error.code, ErrorCode::kNoMemory);
    EXPECT_NE(error.message.find("MiB"), std::string::npos) << error.message;
    EXPECT_FALSE(served.wait());
  }
}

TEST(Worker, jobs_run_together_and_a_cancel_takes_one_of_them_out) {
  Served served;
  served.load();
  served.send(count_job(1, 1'000'000'000));
  served.send(count_job(2, 1'000'000'000));
  for (int i = 0; i < 50; ++i) served.receive_one<Event>();
  served.send(Cancel{1});
  EXPECT_EQ(served.events(1).back().error.code, ErrorCode::kInterrupted);
  EXPECT_EQ(served.receive_one<Event>().id, 2u);
  served.send(Cancel{2});
  EXPECT_EQ(served.events(2).back().kind, EventKind::kError);
  served.send(count_job(3, 1));
  EXPECT_EQ(served.events(3).back().kind, EventKind::kDone);
}

TEST(Worker, a_parked_job_makes_nothing_until_it_may_go_on) {
  Served served;
  served.load();
  served.send(count_job(1, 1'000'000'000));
  served.receive_one<Event>();
  served.send(Park{1, true});
  served.send(StatsRequest{5});
  while (auto message = served.receive()) {
    if (std::holds_alternative<Stats>(*message)) break;
  }
  // At most what was under way when the message came.
  int n_more = 0;
  while (const auto message = served.receive(300)) {
    n_more += std::holds_alternative<Event>(*message) ? 1 : 0;
  }
  EXPECT_LT(n_more, 3);
  served.send(Park{1, false});
  EXPECT_EQ(served.receive_one<Event>().kind, EventKind::kDelta);
}

TEST(Worker, whoever_does_not_read_stops_the_jobs_instead_of_filling_memory) {
  static std::atomic<int64_t> n_pieces;
  n_pieces = 0;
  class Long final : public test::ToyJobs {
   public:
    using ToyJobs::ToyJobs;
    std::string piece(const Job&, int64_t) override {
      ++n_pieces;
      return std::string(1000, 'x');
    }
  };
  Served served([](const Load&, EventSink sink) -> Opened {
    OpenModel model;
    model.jobs = std::make_unique<Long>(std::move(sink));
    return model;
  });
  served.load();
  served.send(count_job(1, 20000));
  int64_t before = -1;
  while (before != n_pieces) {  // until it stands still
    before = n_pieces;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  EXPECT_LT(before, 5000);  // some megabytes at most in the sockets
  size_t n_bytes = 0;
  for (const Event& event : served.events(1)) n_bytes += event.text.size();
  EXPECT_EQ(n_bytes, 20000u * 1000);
}

TEST(Worker, heartbeats_come_while_there_is_work_and_stop_with_it) {
  class Slow final : public test::ToyJobs {
   public:
    using ToyJobs::ToyJobs;
    std::string piece(const Job&, int64_t) override {
      std::this_thread::sleep_for(std::chrono::milliseconds(150));
      return "x";
    }
  };
  Served served(
      [](const Load&, EventSink sink) -> Opened {
        OpenModel model;
        model.jobs = std::make_unique<Slow>(std::move(sink));
        return model;
      },
      20);
  served.load();
  served.send(count_job(1, 2));
  int n_busy = 0;
  bool done = false;
  while (!done) {
    auto message = served.receive();
    ASSERT_TRUE(message);
    if (const auto* const beat = std::get_if<Heartbeat>(&*message)) n_busy += beat->busy ? 1 : 0;
    if (const auto* const event = std::get_if<Event>(&*message)) {
      done = event->kind == EventKind::kDone;
    }
  }
  EXPECT_GT(n_busy, 3);
  // One or two more, the last of which says that there is nothing to do; then silence.
  int n_more = 0;
  while (served.receive(200)) ++n_more;
  EXPECT_LE(n_more, 2);
  EXPECT_FALSE(served.receive(200));
}

TEST(Worker, an_answer_that_no_frame_can_hold_becomes_an_error_of_its_job) {
  class Huge final : public test::ToyJobs {
   public:
    using ToyJobs::ToyJobs;
    std::string piece(const Job& job, int64_t) override {
      return job.prompt == "huge" ? std::string(kMaxFrameBytes, 'x') : "x";
    }
  };
  Served served([](const Load&, EventSink sink) -> Opened {
    OpenModel model;
    model.jobs = std::make_unique<Huge>(std::move(sink));
    return model;
  });
  served.load();
  served.send(count_job(1, 1, "huge"));
  const auto events = served.events(1);
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.back().kind, EventKind::kError);
  EXPECT_EQ(events.back().error.code, ErrorCode::kLimit);
  served.send(count_job(2, 1));
  EXPECT_EQ(served.events(2).back().kind, EventKind::kDone);
}

TEST(Worker, a_cancel_is_told_to_the_step_that_computes) {
  class Interruptible final : public test::ToyJobs {
   public:
    using ToyJobs::ToyJobs;
    void interrupt(uint64_t id) override {
      interrupted_ = id;
      interrupted_.notify_all();
    }
    std::string piece(const Job& job, int64_t) override {
      interrupted_.wait(0);
      return interrupted_ == job.id ? "interrupted" : "wrong";
    }

   private:
    std::atomic<uint64_t> interrupted_{0};
  };
  Served served([](const Load&, EventSink sink) -> Opened {
    OpenModel model;
    model.jobs = std::make_unique<Interruptible>(std::move(sink));
    return model;
  });
  served.load();
  served.send(count_job(7, 1'000'000'000));
  served.receive_one<Event>();
  served.send(Cancel{7});
  const auto events = served.events(7);
  ASSERT_GE(events.size(), 2u);  // steps between the two ways on which a cancel is told
  EXPECT_EQ(events.front().text, "interrupted");
  EXPECT_EQ(events.back().error.code, ErrorCode::kInterrupted);
}

TEST(Worker, the_end_comes_when_it_is_asked_for_or_the_other_side_is_gone) {
  Served asked;
  asked.load();
  asked.send(count_job(1, 1'000'000'000));
  asked.send(Shutdown{});
  while (asked.receive()) {  // what was under way
  }
  EXPECT_TRUE(asked.wait());

  Served left;
  left.load();
  EXPECT_TRUE(left.end());

  Served never_began;
  EXPECT_FALSE(never_began.end());
}

TEST(Worker, whoever_breaks_the_protocol_is_not_listened_to_any_more) {
  Served second_load;
  second_load.load();
  second_load.send(Load{});
  EXPECT_FALSE(second_load.wait());

  Served garbage;
  garbage.load();
  garbage.send_bytes(std::string_view("\x05\0\0\0[1,2]", 9));
  EXPECT_FALSE(garbage.wait());

  Served too_long;
  too_long.load();
  too_long.send_bytes("\xff\xff\xff\xff");
  EXPECT_FALSE(too_long.wait());

  Served job_first;
  job_first.send(count_job(1, 1));
  EXPECT_FALSE(job_first.wait());
}

}  // namespace
}  // namespace hearth::engine
