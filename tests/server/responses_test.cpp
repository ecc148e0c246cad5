// SPDX-License-Identifier: MIT
// OpenAI's responses: items in, items and events out, and what is kept between them.
#include <gtest/gtest.h>

#include "base/json.h"
#include "server/http/chunked.h"
#include "tests/server/running_server.h"

namespace hearth::server {
namespace {

using http::body_of;
using http::status_of_answer;

struct Responses : testing::Test {
  Responses() {
    server.app.make_id = [this](std::string_view prefix) {
      return std::string(prefix) + std::to_string(++n_ids);
    };
    script({started(), delta("Hi"), finished(), done()});
  }
  std::string ask(const std::string& body) { return server.ask("POST", "/v1/responses", body); }
  Json json(const std::string& body) { return parse_ordered_json(body_of(ask(body))); }
  void script(std::vector<engine::Event> events) {
    server.models.script = [events = std::move(events)](const engine::Job&) { return events; };
  }
  engine::Job last_job() { return server.models.asked().back().job; }

  int n_ids = 0;
  RunningServer server;
};

TEST_F(Responses, an_answer_is_told_in_items) {
  script({started(), thought("hm"), delta("Hi"), tool_call(0, "f", "{}"), finished("tool_calls"),
          done()});
  const Json body = json(R"({"model":"toy","input":"a","instructions":"be good",
      "tools":[{"type":"function","name":"f","parameters":{"type":"object"},"strict":true}],
      "text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object"}}},
      "reasoning":{"effort":"low"},"max_output_tokens":7})");
  EXPECT_EQ(body["object"], "response");
  EXPECT_EQ(body["status"], "completed");
  ASSERT_EQ(body["output"].size(), 3u) << body.dump();
  EXPECT_EQ(body["output"][0]["content"][0]["text"], "hm");
  EXPECT_EQ(body["output"][1]["content"][0]["text"], "Hi");
  EXPECT_EQ(body["output"][2]["type"], "function_call");
  EXPECT_EQ(body["output"][2]["arguments"], "{}");
  EXPECT_EQ(body["usage"]["total_tokens"], 7);
  const engine::Job job = last_job();
  EXPECT_EQ(json_text(job.messages),
            R"([{"role":"system","content":"be good"},{"role":"user","content":"a"}])");
  EXPECT_EQ(job.shape, engine::Shape::kJsonSchema);
  EXPECT_EQ(job.reasoning_effort, "low");
  EXPECT_EQ(job.max_tokens, 7);
  EXPECT_EQ(job.tools[0]["function"]["name"], "f");
}

TEST_F(Responses, a_conversation_goes_on_from_a_kept_one_of_the_same_owner) {
  const Json first = json(R"({"model":"toy","input":"a","instructions":"x"})");
  const std::string id = first["id"].get<std::string>();
  json(R"({"model":"toy","previous_response_id":")" + id +
       R"(","input":[{"type":"message","role":"user","content":[{"type":"input_text",
       "text":"b"}]}]})");
  EXPECT_EQ(json_text(last_job().messages),
            R"([{"role":"user","content":"a"},{"role":"assistant","content":"Hi"},)"
            R"({"role":"user","content":"b"}])");
  const NewKey other = *server.keys.add("other", true, false);
  const std::string theirs = "x-api-key: " + other.text + "\r\n";
  EXPECT_EQ(status_of_answer(server.ask("GET", "/v1/responses/" + id)), 200);
  EXPECT_EQ(status_of_answer(server.ask("GET", "/v1/responses/" + id, {}, theirs)), 404);
  EXPECT_EQ(status_of_answer(server.ask("DELETE", "/v1/responses/" + id, {}, theirs)), 404);
  EXPECT_EQ(status_of_answer(server.ask("DELETE", "/v1/responses/" + id)), 200);
  EXPECT_EQ(
      status_of_answer(ask(R"({"model":"toy","input":"b","previous_response_id":")" + id + "\"}")),
      404);
}

TEST_F(Responses, what_is_not_to_be_kept_is_not) {
  const Json body = json(R"({"model":"toy","input":"a","store":false})");
  EXPECT_EQ(status_of_answer(server.ask("GET", "/v1/responses/" + body["id"].get<std::string>())),
            404);
}

TEST_F(Responses, calls_and_their_results_become_messages) {
  json(R"({"model":"toy","input":[{"role":"user","content":"q"},
      {"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},
      {"type":"function_call","call_id":"c2","name":"g","arguments":"{}"},
      {"type":"function_call_output","call_id":"c1","output":"5"}]})");
  const engine::Job job = last_job();
  ASSERT_EQ(job.messages.size(), 3u);
  EXPECT_EQ(job.messages[1]["tool_calls"].size(), 2u);
  EXPECT_EQ(job.messages[2]["tool_call_id"], "c1");
}

TEST_F(Responses, a_stream_numbers_its_events_and_ends_with_the_whole) {
  script({started(), thought("t"), delta("a"), delta("b"), finished("length"), done()});
  const std::string answer = ask(R"({"model":"toy","input":"a","stream":true})");
  std::string text, kinds;
  http::ChunkedDecoder decoder(1u << 20);
  decoder.feed(body_of(answer), text);
  int n = 0;
  for (size_t at = text.find("event: "); at != std::string::npos;
       at = text.find("event: ", at + 1)) {
    kinds += text.substr(at + 16, text.find('\n', at) - at - 16) + " ";
    EXPECT_NE(text.find("\"sequence_number\":" + std::to_string(n++), at), std::string::npos);
  }
  EXPECT_EQ(kinds,
            "created in_progress output_item.added content_part.added reasoning_text.delta "
            "reasoning_text.done content_part.done output_item.done output_item.added "
            "content_part.added output_text.delta output_text.delta output_text.done "
            "content_part.done output_item.done incomplete ");
  EXPECT_NE(text.find(R"("incomplete_details":{"reason":"max_output_tokens"})"), std::string::npos);
}

TEST_F(Responses, what_cannot_be_honoured_is_a_400) {
  for (const char* more :
       {R"("input":[])", R"("input":5)", R"("input":[{"type":"item_reference","id":"x"}])",
        R"("input":[{"role":"user","content":[{"type":"input_image"}]}])",
        R"("input":"a","background":true)", R"("input":"a","truncation":"auto")",
        R"("input":"a","conversation":"c")", R"("input":"a","tools":[{"type":"web_search"}])",
        R"("input":"a","text":{"format":{"type":"grammar"}})"})
    EXPECT_EQ(status_of_answer(ask(std::string(R"({"model":"toy",)") + more + "}")), 400) << more;
}

TEST(ResponseStore, the_longest_unused_ones_go_first) {
  ResponseStore store(2, 1000);
  store.put({"a", "o", Json::array(), Json::object()});
  store.put({"b", "o", Json::array(), Json::object()});
  EXPECT_NE(store.find("a", "o"), nullptr);
  store.put({"c", "o", Json::array(), Json::object()});
  EXPECT_EQ(store.find("b", "o"), nullptr);
  EXPECT_NE(store.find("a", "o"), nullptr);
  store.put({"d", "o", Json(std::string(900, 'x')), Json::object()});
  EXPECT_NE(store.find("d", "o"), nullptr);
  store.put({"e", "o", Json(std::string(2000, 'x')), Json::object()});
  EXPECT_EQ(store.find("e", "o"), nullptr) << "longer than all that may be kept";
  EXPECT_NE(store.find("d", "o"), nullptr);
}

}  // namespace
}  // namespace hearth::server
