// SPDX-License-Identifier: MIT
// The whole server over sockets: what it refuses, in which order it answers, how long it waits.
#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/read.hpp>
#include <csignal>

#include "tests/server/malformed_requests.h"
#include "tests/server/running_server.h"

namespace hearth::server {
namespace {

using http::body_of;
using http::RawClient;
using http::status_of_answer;
using ms = std::chrono::milliseconds;

constexpr const char* kChat =
    R"({"model":"toy","stream":true,"messages":[{"role":"user","content":"hi"}]})";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

TEST(HttpServer, every_malformed_request_is_refused_and_its_connection_closed) {
  RunningServer server;
  const std::string host = "127.0.0.1:" + std::to_string(server.port);
  for (const http::Malformed& one : http::malformed_requests()) {
    RawClient client(server.port);
    // A second request that must never be seen.
    client.send(replaced(one.bytes, "HOST", host) + server.request("GET", "/v1/models"));
    client.end_sending();
    const std::string answer = client.read_all();
    EXPECT_EQ(status_of_answer(answer), one.status) << one.name << "\n" << answer;
    EXPECT_EQ(answer.find("\"object\""), std::string::npos) << one.name;
    EXPECT_NE(answer.find("Connection: close"), std::string::npos) << one.name;
  }
  EXPECT_EQ(status_of_answer(server.ask("GET", "/v1/models")), 200);
}

TEST(HttpServer, pipelined_requests_are_answered_in_order) {
  RunningServer server;
  RawClient client(server.port);
  std::string all;
  for (int i = 0; i < 20; ++i)
    all += server.request("GET", i % 2 == 0 ? "/v1/models" : "/v1/models/nobody");
  client.send(all);
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(status_of_answer(client.read_answer()), i % 2 == 0 ? 200 : 404) << i;
}

TEST(HttpServer, a_chunked_request_is_a_request) {
  RunningServer server;
  server.models.script = [](const engine::Job&) {
    return std::vector{started(), delta("yes"), finished(), done()};
  };
  const std::string body = R"({"model":"toy","messages":[{"role":"user","content":"hi"}]})";
  RawClient client(server.port);
  client.send("POST /v1/chat/completions HTTP/1.1\r\n" + server.host() +
              "Transfer-Encoding: chunked\r\n\r\n");
  for (const char c : body) client.send(std::string("1\r\n") + c + "\r\n");
  client.send("0\r\n\r\n");
  const std::string answer = client.read_answer();
  EXPECT_EQ(status_of_answer(answer), 200) << answer;
  EXPECT_NE(answer.find("\"yes\""), std::string::npos);
}

TEST(HttpServer, continue_is_said_before_a_body_and_not_before_a_refusal) {
  RunningServer server;
  RawClient client(server.port);
  client.send("POST /v1/chat/completions HTTP/1.1\r\n" + server.host() +
              "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(status_of_answer(client.read_until("\r\n\r\n")), 100);
  client.send("{}");
  EXPECT_EQ(status_of_answer(client.read_answer()), 400);
  RawClient refused(server.port);
  refused.send("POST /v1/nothing HTTP/1.1\r\n" + server.host() +
               "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(status_of_answer(refused.read_all()), 404);
}

TEST(HttpServer, http_1_0_gets_a_stream_that_ends_with_the_connection) {
  RunningServer server;
  server.models.script = [](const engine::Job&) {
    return std::vector{started(), delta("a"), finished(), done()};
  };
  RawClient client(server.port);
  const std::string body = kChat;
  client.send("POST /v1/chat/completions HTTP/1.0\r\n" + server.host() +
              "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  const std::string answer = client.read_all();
  EXPECT_EQ(answer.find("chunked"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("data: [DONE]\n\n")) << answer;
}

TEST(HttpServer, a_head_has_an_absolute_deadline_whatever_trickles) {
  http::ServerOptions options = RunningServer::patient();
  options.head_time = ms(200);
  RunningServer server(options);
  RawClient client(server.port);
  client.send("GET / HTTP/1.1\r\nA: ");
  std::string answer;
  for (int i = 0; i < 40 && answer.empty(); ++i) {
    client.send("a");
    answer = client.read_until("never", 20);
  }
  EXPECT_EQ(status_of_answer(answer), 408) << answer;
}

TEST(HttpServer, a_body_has_an_absolute_deadline_whatever_trickles) {
  http::ServerOptions options = RunningServer::patient();
  options.body_time = ms(200);
  RunningServer server(options);
  RawClient client(server.port);
  client.send("POST /v1/chat/completions HTTP/1.1\r\n" + server.host() +
              "Content-Length: 1000\r\n\r\n");
  std::string answer;
  for (int i = 0; i < 40 && answer.empty(); ++i) {
    client.send("a");
    answer = client.read_until("never", 20);
  }
  EXPECT_EQ(status_of_answer(answer), 408) << answer;
}

TEST(HttpServer, a_client_that_goes_away_cancels_its_job_at_once) {
  RunningServer server;
  std::vector<std::chrono::steady_clock::duration> times;
  for (uint64_t id = 1; id <= 21; ++id) {
    RawClient client(server.port);
    client.send(server.request("POST", "/v1/chat/completions", kChat));
    ASSERT_TRUE(soon([&] { return server.models.asked().size() == id; }));
    if (id % 2 == 0) {  // while the answer streams, else before it begins
      server.models.tell(id, started());
      server.models.tell(id, delta("a"));
      client.read_until("\"a\"");
    }
    const auto gone = std::chrono::steady_clock::now();
    client.close();
    ASSERT_TRUE(soon([&] { return server.models.was_cancelled(id); })) << id;
    times.push_back(server.models.cancelled_at() - gone);
  }
  std::sort(times.begin(), times.end());  // a busy machine may be late now and then
  EXPECT_LT(times[times.size() / 2], ms(100));
  EXPECT_TRUE(soon([&] { return server.app.n_working() == 0; }));
}

// Job 1 begins to stream to a client whose kernel takes so many bytes for it.
bool begin_stream(RunningServer& server, RawClient& client, int receive_bytes) {
  client.socket().set_option(boost::asio::socket_base::receive_buffer_size(receive_bytes));
  client.send(server.request("POST", "/v1/chat/completions", kChat));
  if (!soon([&] { return server.models.asked().size() == 1; })) return false;
  server.models.tell(1, started());
  return true;
}

TEST(HttpServer, a_slow_reader_parks_its_job_and_is_dropped) {
  http::ServerOptions options = RunningServer::patient();
  options.full_time = ms(300);
  RunningServer server(options);
  RawClient client(server.port);
  ASSERT_TRUE(begin_stream(server, client, 4096));
  const std::string piece(16u << 10, 'x');
  // The kernel's buffers may grow and let it go on once more: it is told more whenever it goes on.
  EXPECT_TRUE(soon([&] {
    const auto holds = server.models.holds();
    if (holds.empty() || !holds.back().second) server.models.tell(1, delta(piece));
    return server.models.was_cancelled(1);
  }));
  ASSERT_FALSE(server.models.holds().empty());
  EXPECT_EQ(server.models.holds().front(), std::make_pair(uint64_t{1}, true));
  // Reset, though the client has read nothing: the kernel keeps none of it.
  pollfd look{.fd = client.socket().native_handle(), .events = 0, .revents = 0};
  EXPECT_EQ(::poll(&look, 1, 20'000), 1);
  EXPECT_TRUE(look.revents & POLLERR);
}

// However slowly its buffer fills: here never.
TEST(HttpServer, a_stream_of_which_nothing_is_taken_is_dropped_long_before_it_is_full) {
  http::ServerOptions options = RunningServer::patient();
  options.stall_time = ms(300);
  RunningServer server(options);
  RawClient client(server.port);
  ASSERT_TRUE(begin_stream(server, client, 4096));
  const std::string piece(1u << 10, 'x');
  for (int i = 0; i < 200; ++i) server.models.tell(1, delta(piece));
  EXPECT_TRUE(soon([&] { return server.models.was_cancelled(1); }));
  EXPECT_TRUE(server.models.holds().empty());
}

TEST(HttpServer, a_reader_that_takes_something_now_and_then_is_not_dropped) {
  http::ServerOptions options = RunningServer::patient();
  options.stall_time = ms(2000);
  RunningServer server(options);
  RawClient client(server.port);
  ASSERT_TRUE(begin_stream(server, client, 32 << 10));
  const std::string piece(8u << 10, 'x');
  for (int i = 0; i < 25; ++i) server.models.tell(1, delta(piece));
  char taken[8u << 10];
  for (int round = 0; round < 60; ++round) {  // three seconds; it never catches up
    server.models.tell(1, delta(piece));
    boost::system::error_code failed;
    boost::asio::read(client.socket(), boost::asio::buffer(taken), failed);
    ASSERT_FALSE(failed) << failed.message();
    std::this_thread::sleep_for(ms(50));
  }
  EXPECT_TRUE(server.models.holds().empty());
  server.models.tell(1, finished());
  server.models.tell(1, done());
  EXPECT_TRUE(client.read_until("data: [DONE]").ends_with("[DONE]"));
  EXPECT_FALSE(server.models.was_cancelled(1));
}

TEST(HttpServer, a_reader_that_catches_up_lets_its_job_go_on) {
  RunningServer server;
  RawClient client(server.port);
  client.send(server.request("POST", "/v1/chat/completions", kChat));
  ASSERT_TRUE(soon([&] { return server.models.asked().size() == 1; }));
  server.models.tell(1, started());
  const std::string piece(16u << 10, 'x');
  for (int i = 0; i < 2000 && server.models.holds().empty(); ++i) {
    server.models.tell(1, delta(piece));
    std::this_thread::sleep_for(ms(1));
  }
  ASSERT_FALSE(server.models.holds().empty());
  server.models.tell(1, finished());
  server.models.tell(1, done());
  EXPECT_TRUE(client.read_until("data: [DONE]", 20'000).ends_with("[DONE]"));
  EXPECT_FALSE(server.models.was_cancelled(1));
}

TEST(HttpServer, connections_beyond_the_cap_are_closed_at_once) {
  http::ServerOptions options = RunningServer::patient();
  options.n_per_loopback = 5;
  RunningServer server(options);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(std::make_unique<RawClient>(server.port));
  clients.back()->send(server.request("GET", "/v1/models"));
  EXPECT_EQ(status_of_answer(clients.back()->read_answer()), 200);
  RawClient sixth(server.port);
  sixth.send(server.request("GET", "/v1/models"));
  EXPECT_EQ(sixth.read_all(), "");
  clients.clear();
  EXPECT_TRUE(soon([&] { return status_of_answer(server.ask("GET", "/v1/models")) == 200; }));
}

TEST(HttpServer, hundreds_of_idle_connections_leave_room_for_others) {
  RunningServer server;
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 400; ++i) clients.push_back(std::make_unique<RawClient>(server.port));
  EXPECT_TRUE(clients.back()->is_open());
  for (int i = 0; i < 20; ++i) EXPECT_EQ(status_of_answer(server.ask("GET", "/v1/models")), 200);
}

TEST(HttpServer, stopping_gives_streams_their_grace_then_an_error_as_the_last_event) {
  http::ServerOptions options = RunningServer::patient();
  options.grace_time = ms(200);
  RunningServer server(options);
  RawClient streaming(server.port), waiting(server.port), idle(server.port);
  streaming.send(server.request("POST", "/v1/chat/completions", kChat));
  ASSERT_TRUE(soon([&] { return server.models.asked().size() == 1; }));
  server.models.tell(1, started());
  server.models.tell(1, delta("begun"));
  streaming.read_until("begun");
  waiting.send(server.request("POST", "/v1/chat/completions", kChat));
  ASSERT_TRUE(soon([&] { return server.models.asked().size() == 2; }));
  server.begin_stop();
  EXPECT_EQ(idle.read_all(), "");
  const std::string rest = streaming.read_all();
  EXPECT_NE(rest.find("the server stops"), std::string::npos) << rest;
  EXPECT_TRUE(rest.ends_with("0\r\n\r\n")) << rest;
  EXPECT_EQ(status_of_answer(waiting.read_all()), 503);
  server.join();
  EXPECT_TRUE(server.models.was_cancelled(1));
}

TEST(HttpServer, a_signal_stops_it_gently_and_a_second_one_at_once) {
  RunningServer server;
  std::atomic<bool> ready = false;
  server.server->post([&] {
    server.server->stop_on_signals();
    ready = true;
  });
  ASSERT_TRUE(soon([&] { return ready.load(); }));
  RawClient client(server.port);
  client.send(server.request("POST", "/v1/chat/completions", kChat));
  ASSERT_TRUE(soon([&] { return server.models.asked().size() == 1; }));
  server.models.tell(1, started());
  server.models.tell(1, delta("begun"));
  client.read_until("begun");
  std::raise(SIGTERM);
  ASSERT_TRUE(soon([&] { return !RawClient(server.port).is_open(); }));
  server.models.tell(1, delta("still"));
  EXPECT_TRUE(client.read_until("still").ends_with("still"));
  const auto second = std::chrono::steady_clock::now();
  std::raise(SIGTERM);
  server.join();
  EXPECT_LT(std::chrono::steady_clock::now() - second, ms(4000));
}

TEST(HttpServer, a_stream_that_ends_within_the_grace_ends_well) {
  RunningServer server;
  RawClient client(server.port);
  client.send(server.request("POST", "/v1/chat/completions", kChat));
  ASSERT_TRUE(soon([&] { return server.models.asked().size() == 1; }));
  server.models.tell(1, started());
  server.models.tell(1, delta("begun"));
  client.read_until("begun");
  server.begin_stop();
  server.models.tell(1, finished());
  server.models.tell(1, done());
  EXPECT_TRUE(client.read_all().ends_with("data: [DONE]\n\n\r\n0\r\n\r\n"));
  server.join();
}

}  // namespace
}  // namespace hearth::server
