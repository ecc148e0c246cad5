// SPDX-License-Identifier: MIT
// /api/pull: with the real Python and pip but no network, and with a Python that tells what a test
// wants, for clients that come, go and wait together.
#include <gtest/gtest.h>
#include <signal.h>

#include "hub/store.h"
#include "server/http/chunked.h"
#include "tests/server/running_server.h"
#include "tests/support/small_catalogue.h"

namespace hearth::server {
namespace {

using http::body_of;
using http::status_of_answer;
using test::kDownloading;
using test::kSuccess;
using test::SmallCatalogue;

AppOptions options_with(hub::FetchSettings fetch) {
  AppOptions options;
  options.fetch = std::move(fetch);
  return options;
}

// A server that fetches so; the catalogue outlives it.
struct PullServer : RunningServer {
  explicit PullServer(hub::FetchSettings fetch)
      : RunningServer(patient(), options_with(std::move(fetch))),
        headers("x-api-key: " + keys.add("k", true, true)->text + "\r\n") {}

  std::string pull(const std::string& body) const {
    return ask("POST", "/api/pull", body, headers);
  }
  // A client that has asked and waits.
  std::unique_ptr<http::RawClient> waiting(const std::string& body = R"({"model":"small"})") const {
    auto client = std::make_unique<http::RawClient>(port);
    client->send(request("POST", "/api/pull", body, headers + "Connection: close\r\n"));
    return client;
  }
  std::string headers;
};

std::string lines_of(const std::string& answer) {
  std::string text;
  http::ChunkedDecoder decoder(1u << 20);
  decoder.feed(body_of(answer), text);
  EXPECT_TRUE(decoder.done()) << answer;
  EXPECT_NE(answer.find("application/x-ndjson"), std::string::npos) << answer;
  return text;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Pull, a_model_is_fetched_and_told_in_ollamas_lines) {
  const SmallCatalogue small;
  const PullServer server(small.settings());
  const std::string text = lines_of(server.pull(R"({"model":"Small:latest"})"));
  const std::string digest = test::sha256_of(SmallCatalogue::kBytes);
  const std::string total = std::to_string(SmallCatalogue::kBytes.size());
  const std::string pulling = R"({"status":"pulling )" + digest.substr(0, 12) +
                              R"(","digest":"sha256:)" + digest + R"(","total":)" + total +
                              R"(,"completed":)";
  EXPECT_TRUE(text.starts_with("{\"status\":\"pulling manifest\"}\n" + pulling + "0}\n")) << text;
  EXPECT_TRUE(text.ends_with(pulling + total +
                             "}\n{\"status\":\"verifying sha256 digest\"}\n"
                             "{\"status\":\"writing manifest\"}\n{\"status\":\"success\"}\n"))
      << text;
  EXPECT_TRUE(hub::Store(small.home() / "models").find("small"));
}

TEST(Pull, bytes_that_are_not_the_catalogues_end_the_stream_with_an_error) {
  std::string other = SmallCatalogue::kBytes;
  other.back() ^= 1;
  const SmallCatalogue small(other);
  const PullServer server(small.settings());
  const std::string text = lines_of(server.pull(R"({"model":"small"})"));
  const size_t last = text.rfind('\n', text.size() - 2) + 1;
  EXPECT_TRUE(text.substr(last).starts_with(R"({"error":"model.gguf has the sha256 )")) << text;
  EXPECT_FALSE(has(text, "success"));
  const std::string whole = server.pull(R"({"model":"small","stream":false})");
  EXPECT_EQ(status_of_answer(whole), 503);
  EXPECT_TRUE(has(whole, "nothing was installed")) << whole;
  EXPECT_FALSE(hub::Store(small.home() / "models").find("small"));
}

TEST(Pull, without_a_stream_there_is_one_answer) {
  const SmallCatalogue small;
  const PullServer server(small.settings_of("say " + kDownloading + "\nsay " + kSuccess));
  const std::string answer = server.pull(R"({"name":"small","stream":false})");
  EXPECT_EQ(status_of_answer(answer), 200);
  EXPECT_EQ(body_of(answer), R"({"status":"success"})");
}

TEST(Pull, a_model_that_is_here_is_a_success_at_once) {
  const SmallCatalogue small;
  const PullServer server(small.settings_of("exit 1"));
  EXPECT_EQ(lines_of(server.pull(R"({"model":"toy"})")),
            "{\"status\":\"pulling manifest\"}\n{\"status\":\"success\"}\n");
  EXPECT_EQ(body_of(server.pull(R"({"model":"toy","stream":false})")), R"({"status":"success"})");
  EXPECT_EQ(small.read("starts"), "");
}

TEST(Pull, an_unknown_name_is_a_404_that_lists_the_catalogue) {
  const SmallCatalogue small;
  const PullServer server(small.settings());
  const std::string answer = server.pull(R"({"model":"llama9"})");
  EXPECT_EQ(status_of_answer(answer), 404);
  EXPECT_TRUE(has(answer, "it has small")) << answer;
  EXPECT_EQ(status_of_answer(server.pull(R"({"model":""})")), 400);
  EXPECT_EQ(status_of_answer(server.pull(R"({"model":"small","stream":"no"})")), 400);
}

TEST(Pull, it_needs_an_admins_key) {
  const SmallCatalogue small;
  const PullServer server(small.settings_of("exit 1"));
  EXPECT_EQ(status_of_answer(server.ask("POST", "/api/pull", R"({"model":"small"})")), 401);
  EXPECT_EQ(small.read("starts"), "");
}

TEST(Pull, insecure_is_told_to_have_no_effect_where_it_is_asked_for) {
  const SmallCatalogue small;
  const PullServer server(small.settings_of("say " + kSuccess));
  EXPECT_TRUE(has(server.pull(R"({"model":"small","insecure":true})"),
                  "x-hearth-warnings: field 'insecure' has no effect"));
  EXPECT_FALSE(has(server.pull(R"({"model":"small","insecure":false})"), "x-hearth-warnings"));
}

TEST(Pull, a_missing_python_is_an_error_that_says_what_to_install) {
  const SmallCatalogue small;
  hub::FetchSettings settings = small.settings();
  settings.python = "no-such-python";
  const PullServer server(settings);
  const std::string answer = server.pull(R"({"model":"small"})");
  EXPECT_EQ(status_of_answer(answer), 503);
  EXPECT_TRUE(has(answer, "apt install python3 python3-pip")) << answer;
  EXPECT_EQ(status_of_answer(server.pull(R"({"model":"small"})")), 503);  // and no work is left
}

TEST(Pull, who_asks_meanwhile_joins_the_fetch_and_others_are_served) {
  const SmallCatalogue small;
  const PullServer server(
      small.settings_of("say " + kDownloading + "\nwait_for go\nsay " + kSuccess));
  const auto first = server.waiting();
  first->read_until("\"completed\":5}");
  const auto second = server.waiting();
  second->read_until("pulling manifest");
  EXPECT_EQ(status_of_answer(server.ask("GET", "/api/version")), 200);
  small.give("go");
  EXPECT_TRUE(has(first->read_all(), R"({"status":"success"})"));
  EXPECT_TRUE(has(second->read_all(), R"({"status":"success"})"));
  EXPECT_EQ(small.read("starts"), "started\n");
}

TEST(Pull, a_fetch_goes_on_until_its_last_client_leaves_and_then_all_of_it_ends) {
  const SmallCatalogue small;
  PullServer server(
      small.settings_of("say " + kDownloading + "\nlinger\nsay " + kDownloading + "\nwait_for go"));
  auto first = server.waiting();
  auto second = server.waiting(R"({"model":"small","stream":false})");
  first->read_until("\"completed\":5}");
  ASSERT_TRUE(soon([&] { return !small.read("lingerer").empty(); }));
  ASSERT_TRUE(soon([&] { return server.app.n_working() == 2; }));
  const int lingerer = std::stoi(small.read("lingerer"));
  first->close();
  EXPECT_TRUE(soon([&] { return server.app.n_working() == 1; }));
  EXPECT_EQ(::kill(lingerer, 0), 0);
  second->close();
  EXPECT_TRUE(soon([&] { return server.app.n_working() == 0; }));
  EXPECT_TRUE(test::ends_soon(lingerer));
  // The next one begins anew, whether the last has ended yet or not.
  small.give("go");
  EXPECT_TRUE(has(server.pull(R"({"model":"small"})"), "without a word"));
  EXPECT_EQ(small.read("starts"), "started\nstarted\n");
}

TEST(Pull, one_that_does_not_go_when_asked_is_killed) {
  const SmallCatalogue small;
  PullServer server(
      small.settings_of("trap '' INT\nlinger\nsay " + kDownloading + "\nwait_for never"));
  auto client = server.waiting();
  client->read_until("\"completed\":5}");
  const int lingerer = std::stoi(small.read("lingerer"));
  client->close();
  EXPECT_TRUE(test::ends_soon(lingerer));
}

TEST(Pull, the_end_of_the_server_tells_the_client_and_ends_the_fetch) {
  const SmallCatalogue small;
  http::ServerOptions hasty = RunningServer::patient();
  hasty.grace_time = std::chrono::milliseconds(50);
  RunningServer server(
      hasty, options_with(small.settings_of("linger\nsay " + kDownloading + "\nwait_for never")));
  http::RawClient client(server.port);
  const std::string key = "x-api-key: " + server.keys.add("k", true, true)->text + "\r\n";
  client.send(server.request("POST", "/api/pull", R"({"model":"small"})", key));
  client.read_until("\"completed\":5}");
  const int lingerer = std::stoi(small.read("lingerer"));
  server.begin_stop();
  EXPECT_TRUE(has(client.read_all(), R"({"error":"the server stops; ask again soon"})"));
  server.join();
  server.stop();
  EXPECT_TRUE(test::ends_soon(lingerer));
}

TEST(Pull, a_server_that_is_killed_at_once_leaves_nothing_running) {
  const SmallCatalogue small;
  int lingerer = 0;
  {
    PullServer server(small.settings_of("linger\nsay " + kDownloading + "\nwait_for never"));
    const auto client = server.waiting();
    client->read_until("\"completed\":5}");
    lingerer = std::stoi(small.read("lingerer"));
    server.stop();
  }
  EXPECT_TRUE(test::ends_soon(lingerer));
}

}  // namespace
}  // namespace hearth::server
