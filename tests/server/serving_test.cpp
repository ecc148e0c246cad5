// SPDX-License-Identifier: MIT
// Where a server listens and who may ask it there (RELIABILITY F28, D1).
#include "server/serving.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/server/fake_models.h"
#include "tests/server/raw_client.h"
#include "tests/support/temp_folder.h"

namespace hearth::server {
namespace {

using http::RawClient;
using http::status_of_answer;

struct ServingTest : testing::Test {
  Result<std::unique_ptr<Serving>> open(ServingOptions options) {
    options.port = options.port == kDefaultPort ? 0 : options.port;
    return Serving::open(std::move(options), models, KeyStore(folder.path()),
                         Profiles(folder.path()));
  }
  // The status of GET /v1/models, asked at `address` with the server's own Host.
  int ask(Serving& serving, const std::string& address, const std::string& key) {
    std::thread thread([&] { serving.run(); });
    const uint16_t port = serving.bound().front().port;
    RawClient client(port, address);
    client.send("GET /v1/models HTTP/1.1\r\nHost: " + address + ":" + std::to_string(port) +
                "\r\n" + (key.empty() ? "" : "x-api-key: " + key + "\r\n") +
                "Connection: close\r\n\r\n");
    const int status = status_of_answer(client.read_all());
    serving.stop();
    thread.join();
    return status;
  }

  test::TempFolder folder;
  FakeModels models;
};

TEST_F(ServingTest, every_kind_of_address_wants_a_key_where_others_reach_it) {
  struct Row {
    const char* host;
    bool loopback;
  };
  const std::vector<Row> rows = {
      {"localhost", true}, {"127.0.0.1", true}, {"127.0.0.5", true}, {"0.0.0.0", false}};
  for (const Row& row : rows) {
    for (const char* key : {"none", "made", "given"}) {
      for (const bool require : {false, true}) {
        const test::TempFolder home;
        KeyStore keys(home.path());
        ServingOptions options;
        options.host = row.host;
        options.port = 0;
        options.app.security.require_key = require;
        std::string text;
        if (std::string_view(key) == "made") text = keys.add("a", true, false)->text;
        if (std::string_view(key) == "given") options.api_key = text = "secret";
        auto serving = Serving::open(options, models, std::move(keys), Profiles(home.path()));
        const bool opens = row.loopback || !text.empty();
        ASSERT_EQ(serving.has_value(), opens) << row.host << " " << key;
        if (!opens) {
          EXPECT_NE(serving.error().hint.find("hearth key add"), std::string::npos);
          continue;
        }
        const std::string address =
            std::string_view(row.host) == "localhost" || std::string_view(row.host) == "0.0.0.0"
                ? "127.0.0.1"
                : row.host;
        const bool free = row.loopback && !require && std::string_view(key) != "given";
        EXPECT_EQ(ask(**serving, address, ""), free ? 200 : 401) << row.host << " " << key;
      }
    }
  }
}

TEST_F(ServingTest, a_given_key_opens_what_it_closes) {
  ServingOptions options;
  options.port = 0;
  options.api_key = "secret";
  auto serving = open(options);
  ASSERT_TRUE(serving);
  EXPECT_EQ(ask(**serving, "127.0.0.1", "secret"), 200);
}

TEST_F(ServingTest, a_port_that_is_taken_is_an_error_and_one_more_a_note) {
  ServingOptions first;
  first.host = "127.0.0.1";
  auto one = open(first);
  ASSERT_TRUE(one);
  const uint16_t taken = (*one)->bound().front().port;
  ServingOptions second = first;
  second.port = taken;
  const auto two = open(second);
  ASSERT_FALSE(two);
  EXPECT_NE(two.error().message.find(std::to_string(taken)), std::string::npos);
  ServingOptions third = first;
  third.also = {taken};
  auto three = open(third);
  ASSERT_TRUE(three);
  ASSERT_EQ((*three)->notes().size(), 1u);
  EXPECT_NE((*three)->notes()[0].find(std::to_string(taken)), std::string::npos);
}

TEST_F(ServingTest, without_requests_it_ends_by_itself) {
  ServingOptions options;
  options.host = "127.0.0.1";
  options.idle_exit_s = 1;
  auto serving = open(options);
  ASSERT_TRUE(serving);
  const auto begin = std::chrono::steady_clock::now();
  (*serving)->run();
  const auto spent = std::chrono::steady_clock::now() - begin;
  EXPECT_GE(spent, std::chrono::milliseconds(900));
  EXPECT_LT(spent, std::chrono::seconds(20));
}

TEST_F(ServingTest, names_of_machines_are_no_addresses) {
  ServingOptions options;
  options.host = "evil.test";
  options.api_key = "k";
  EXPECT_FALSE(open(options));
}

}  // namespace
}  // namespace hearth::server
