// SPDX-License-Identifier: MIT
// Every field of every route with every odd value, made from the tables (RELIABILITY F08).
#include "server/fields.h"

#include <gtest/gtest.h>

#include "base/json.h"
#include "server/dialects/anthropic_fields.h"
#include "server/dialects/ollama_fields.h"
#include "server/dialects/request_parts.h"
#include "tests/server/running_server.h"

namespace hearth::server {
namespace {

using http::RawClient;
using http::status_of_answer;

// What else a request of the route needs to be good.
Json good_body(const Route& route) {
  Json body = {{"model", "toy"}};
  for (const Field& field : route.fields()) {
    const std::string name(field.name);
    if (name == "messages") body[name] = Json::array({{{"role", "user"}, {"content", "hi"}}});
    if (name == "prompt" || name == "input" || name == "query" || name == "content")
      body[name] = "text";
    if (name == "documents") body[name] = {"a", "b"};
    if (name == "tokens") body[name] = {1, 2};
    if (name == "max_tokens") body[name] = 5;
    if (name == "input_prefix") body[name] = "a";
  }
  if (route.pattern == "/api/create") body = {{"model", "new"}, {"from", "toy"}};
  if (route.pattern == "/api/copy") body = {{"source", "toy"}, {"destination", "copy"}};
  for (const Field& field : route.fields()) {
    if (field.name == "stream") body["stream"] = false;
  }
  return body;
}

// Texts, because some are no numbers of JSON's types.
const std::vector<std::string> kOddValues = {"-9223372036854775808",
                                             "-9223372036854775809",
                                             "-1",
                                             "0",
                                             "1",
                                             "1.5",
                                             "-0.0",
                                             "1e308",
                                             "-1e308",
                                             "1e-308",
                                             "9223372036854775807",
                                             "9223372036854775808",
                                             "18446744073709551615",
                                             "18446744073709551616",
                                             "4294967296",
                                             "2147483648",
                                             "\"1\"",
                                             "\"\"",
                                             "\"-1\"",
                                             "true",
                                             "false",
                                             "null",
                                             "[]",
                                             "{}",
                                             "[1]",
                                             "[[]]",
                                             "[{}]",
                                             "[null]",
                                             "{\"a\":1}",
                                             "[\"a\"]",
                                             "{\"type\":1}",
                                             "[{\"type\":\"text\"}]",
                                             "{\"type\":\"text\"}",
                                             "\"\\u0000\"",
                                             "\"\\ud800\"",
                                             "1e400"};

TEST(Fields, every_field_of_every_route_takes_or_refuses_every_value_and_none_breaks_it) {
  RunningServer server;
  const NewKey key = *server.keys.add("k", true, true);
  server.models.script = [](const engine::Job& job) {
    std::vector<engine::Event> events = {started()};
    const size_t n_inputs = std::max(job.texts.size(), job.token_counts.size());
    if (job.kind == engine::JobKind::kEmbed)
      events.push_back(result({{"vectors", Json(n_inputs, {1.0, 0.0})}, {"n_tokens", {1}}}));
    else if (job.kind == engine::JobKind::kRerank)
      events.push_back(result({{"scores", Json(job.texts.size(), 0.5)}, {"n_tokens", {1}}}));
    else
      events.insert(events.end(), {delta("a"), finished()});
    events.push_back(done());
    return events;
  };
  size_t n_cells = 0, n_taken = 0;
  RawClient client(server.port);
  for (const Route& route : all_routes()) {
    if (route.body_bytes == 0 || route.pattern == "/api/delete") continue;
    for (const Field& field : route.fields()) {
      for (const std::string& odd : kOddValues) {
        Json body = good_body(route);
        body[std::string(field.name)] = "ODD";
        std::string text = json_text(body);
        text.replace(text.find("\"ODD\""), 5, odd);
        client.send(
            server.request(route.method, route.pattern, text, "x-api-key: " + key.text + "\r\n"));
        std::string answer = client.read_answer();
        if (answer.find("chunked") != std::string::npos) client.read_until("\r\n0\r\n\r\n");
        const int status = status_of_answer(answer);
        ++n_cells;
        n_taken += status == 200;
        ASSERT_TRUE(status == 200 || (status >= 400 && status < 500))
            << route.pattern << " " << text << "\n"
            << answer;
      }
    }
  }
  EXPECT_GT(n_cells, 5000u);
  EXPECT_GT(n_taken, n_cells / 20);
  RecordProperty("cells", static_cast<int>(n_cells));
}

TEST(Fields, the_bounds_of_every_number_hold_to_the_last_one) {
  for (const Route& route : all_routes()) {
    for (const Field& field : route.fields()) {
      if (field.type != FieldType::kInteger || field.use != FieldUse::kUsed) continue;
      const auto reads = [&](const Json& value) {
        return RequestFields::read(route.fields(), {{std::string(field.name), value}}).has_value();
      };
      EXPECT_TRUE(reads(field.least_count)) << field.name;
      EXPECT_TRUE(reads(field.most_count)) << field.name;
      if (field.least_count > INT64_MIN) {
        EXPECT_FALSE(reads(field.least_count - 1)) << field.name;
      }
      if (field.most_count < INT64_MAX) {
        EXPECT_FALSE(reads(field.most_count + 1)) << field.name;
      }
    }
  }
}

TEST(Fields, no_table_names_a_field_twice) {
  std::vector<const FieldTable*> tables = {&ollama_options_fields(), &anthropic_thinking_fields(),
                                           &anthropic_tool_choice_fields()};
  for (const Route& route : all_routes()) tables.push_back(&route.fields());
  for (const FieldTable* table : tables) {
    std::set<std::string_view> names;
    for (const Field& field : *table) EXPECT_TRUE(names.insert(field.name).second) << field.name;
  }
}

TEST(Fields, whole_numbers_may_be_written_with_a_point) {
  const FieldTable table = {integer("n", 0, 10), real("r", 0, 1)};
  const auto fields = RequestFields::read(table, {{"n", 3.0}, {"r", 1}});
  ASSERT_TRUE(fields);
  EXPECT_EQ(fields->integer("n", 0), 3);
  EXPECT_EQ(fields->real("r", 0), 1.0);
  EXPECT_FALSE(RequestFields::read(table, {{"n", 3.5}}));
}

TEST(Fields, a_flood_of_unknown_fields_is_counted_not_listed) {
  Json body = Json::object();
  for (int i = 0; i < 1000; ++i) body["x" + std::to_string(i)] = 1;
  const auto fields = RequestFields::read(no_fields(), body);
  ASSERT_TRUE(fields);
  EXPECT_EQ(fields->warnings.size(), 33u);
  EXPECT_EQ(fields->warnings.back(), "968 more unknown fields have no effect");
}

TEST(Fields, an_error_names_its_field) {
  EXPECT_EQ(field_of(bad_field("options.top_k", "no").value()), "options.top_k");
  EXPECT_EQ(field_of({ErrorCode::kInvalid, "something else", {}}), "");
}

TEST(Durations, are_read_as_people_and_ollama_write_them) {
  const auto seconds = [](const Json& value) {
    const auto read = read_duration("keep_alive", value);
    return read ? *read : -99;
  };
  EXPECT_EQ(seconds(300), 300);
  EXPECT_EQ(seconds("5m"), 300);
  EXPECT_EQ(seconds("1h30m10s"), 5410);
  EXPECT_EQ(seconds("1.5h"), 5400);
  EXPECT_EQ(seconds("90"), 90);
  EXPECT_EQ(seconds("250ms"), 1);
  EXPECT_EQ(seconds(0), 0);
  EXPECT_EQ(seconds("0"), 0);
  EXPECT_EQ(seconds(-1), -1);
  EXPECT_EQ(seconds("-1m"), -1);
  EXPECT_GT(seconds(1e300), int64_t{1} << 30);
  for (const Json& wrong : {Json("soon"), Json(""), Json("5 m"), Json("5x"), Json("m5"), Json(true),
                            Json::array(), Json("5m5"), Json("--1"), Json("1e3")})
    EXPECT_EQ(seconds(wrong), -99) << wrong.dump();
}

}  // namespace
}  // namespace hearth::server
