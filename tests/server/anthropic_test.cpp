// SPDX-License-Identifier: MIT
// The dialects of Anthropic and llama-server: requests to jobs, scripted events to exact answers.
#include <gtest/gtest.h>

#include "base/json.h"
#include "server/http/chunked.h"
#include "tests/server/running_server.h"

namespace hearth::server {
namespace {

using http::body_of;
using http::status_of_answer;

struct Dialects : testing::Test {
  Json json(const std::string& path, const std::string& body) {
    return parse_ordered_json(body_of(server.ask("POST", path, body)));
  }
  std::string streamed(const std::string& path, const std::string& body) {
    const std::string answer = server.ask("POST", path, body);
    std::string text;
    http::ChunkedDecoder decoder(1u << 20);
    decoder.feed(body_of(answer), text);
    EXPECT_TRUE(decoder.done()) << answer;
    return text;
  }
  void script(std::vector<engine::Event> events) {
    server.models.script = [events = std::move(events)](const engine::Job&) { return events; };
  }
  engine::Job last_job() { return server.models.asked().back().job; }

  RunningServer server;
};
using Anthropic = Dialects;
using LlamaServer = Dialects;

std::string message(const std::string& more) {
  return R"({"model":"toy","max_tokens":9,"messages":[{"role":"user","content":"hi"}])" + more +
         "}";
}

TEST_F(Anthropic, every_field_reaches_the_job) {
  script({started(), finished(), done()});
  json("/v1/messages", message(R"(,"system":[{"type":"text","text":"be"},{"type":"text",
      "text":"good","cache_control":{"type":"ephemeral"}}],"temperature":0.3,"top_k":5,"top_p":0.8,
      "stop_sequences":["x"],"thinking":{"type":"enabled","budget_tokens":1024},
      "tools":[{"name":"f","description":"d","input_schema":{"type":"object"}}],
      "tool_choice":{"type":"any","disable_parallel_tool_use":true},"metadata":{"user_id":"u"})"));
  const engine::Job job = last_job();
  EXPECT_EQ(json_text(job.messages),
            R"([{"role":"system","content":"be\ngood"},{"role":"user","content":"hi"}])");
  EXPECT_EQ(job.max_tokens, 9);
  EXPECT_EQ(job.sampler.temperature, 0.3);
  EXPECT_EQ(job.sampler.top_k, 5);
  EXPECT_EQ(job.stop, std::vector<std::string>{"x"});
  EXPECT_EQ(job.thinking, engine::Thinking::kOn);
  EXPECT_EQ(job.thinking_budget, 1024);
  EXPECT_EQ(job.tool_choice, engine::ToolChoice::kRequired);
  EXPECT_FALSE(job.parallel_tool_calls);
  EXPECT_EQ(json_text(job.tools), R"([{"type":"function","function":{"name":"f","description":"d",)"
                                  R"("parameters":{"type":"object"}}}])");
}

TEST_F(Anthropic, blocks_of_tools_and_thoughts_become_openais_messages) {
  script({started(), finished(), done()});
  json("/v1/messages", R"({"model":"toy","max_tokens":5,"messages":[
      {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
      {"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},
        {"type":"text","text":"c"},{"type":"tool_use","id":"i","name":"f","input":{"x":1}}]},
      {"role":"user","content":[{"type":"tool_result","tool_use_id":"i","is_error":true,
        "content":[{"type":"text","text":"r"}]},{"type":"text","text":"d"}]},
      {"role":"assistant","content":"go on"}]})");
  const engine::Job job = last_job();
  EXPECT_EQ(json_text(job.messages),
            R"([{"role":"user","content":"a\nb"},)"
            R"({"role":"assistant","content":"c","reasoning_content":"t","tool_calls":[{"id":"i",)"
            R"("type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]},)"
            R"({"role":"tool","tool_call_id":"i","content":"Error: r"},)"
            R"({"role":"user","content":"d"},{"role":"assistant","content":"go on"}])");
  EXPECT_TRUE(job.continue_last);
}

TEST_F(Anthropic, a_message_is_told_whole_in_blocks) {
  script({started(), thought("hm"), delta("Hi"), tool_call(0, "f", "{\"a\":1}"),
          finished("tool_calls"), done()});
  EXPECT_EQ(json_text(json("/v1/messages", message(""))),
            R"({"id":"msg_1","type":"message","role":"assistant","model":"toy","content":[)"
            R"({"type":"thinking","thinking":"hm","signature":""},{"type":"text","text":"Hi"},)"
            R"({"type":"tool_use","id":"toolu_1","name":"f","input":{"a":1}}],)"
            R"("stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":4,)"
            R"("cache_creation_input_tokens":0,"cache_read_input_tokens":1,"output_tokens":2}})");
}

TEST_F(Anthropic, a_stream_opens_and_closes_a_block_for_each_kind) {
  engine::Event stopped = finished("stop");
  stopped.stopped_by = "END";
  script({started(), thought("t"), delta("a"), delta("b"), tool_call(0, "f", ""),
          tool_call(0, "", "{}"), stopped, done()});
  const std::string text = streamed("/v1/messages", message(R"(,"stream":true)"));
  std::string kinds;
  for (size_t at = text.find("event: "); at != std::string::npos; at = text.find("event: ", at + 1))
    kinds += text.substr(at + 7, text.find('\n', at) - at - 7) + " ";
  EXPECT_EQ(kinds,
            "message_start ping content_block_start content_block_delta content_block_delta "
            "content_block_stop content_block_start content_block_delta content_block_delta "
            "content_block_stop content_block_start content_block_delta content_block_stop "
            "message_delta message_stop ");
  for (const char* piece :
       {R"(data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking")",
        R"("delta":{"type":"thinking_delta","thinking":"t"})",
        R"({"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}})",
        R"({"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"b"}})",
        R"("index":2,"content_block":{"type":"tool_use","id":"toolu_1","name":"f","input":{}}})",
        R"("index":2,"delta":{"type":"input_json_delta","partial_json":"{}"}})",
        R"("delta":{"stop_reason":"stop_sequence","stop_sequence":"END"})", R"("output_tokens":2)"})
    EXPECT_NE(text.find(piece), std::string::npos) << piece << "\n" << text;
}

TEST_F(Anthropic, models_have_its_shape_where_its_version_is_named) {
  const auto get = [&](const std::string& path) {
    return server.ask("GET", path, {}, "anthropic-version: 2023-06-01\r\n");
  };
  const Json list = parse_ordered_json(body_of(get("/v1/models")));
  ASSERT_GE(list["data"].size(), 1u);
  const Json& model = list["data"][0];
  EXPECT_EQ(model["type"], "model");
  EXPECT_EQ(model["id"], "toy");
  EXPECT_EQ(model["display_name"], "toy");
  EXPECT_TRUE(model["created_at"].get<std::string>().ends_with("Z"));
  EXPECT_EQ(list["has_more"], false);
  EXPECT_EQ(list["first_id"], "toy");
  EXPECT_EQ(list["last_id"], list["data"].back()["id"]);
  EXPECT_EQ(parse_ordered_json(body_of(get("/v1/models/toy"))), model);
  const std::string unknown = get("/v1/models/none");
  EXPECT_EQ(status_of_answer(unknown), 404);
  EXPECT_EQ(parse_ordered_json(body_of(unknown))["error"]["type"], "not_found_error");
}

TEST_F(Anthropic, lists_of_models_have_pages) {
  server.models.cards = {{.name = "toy"}, {.name = "a1"}, {.name = "a2"}, {.name = "a3"}};
  const auto page = [&](const std::string& query) {
    const Json list = parse_ordered_json(
        body_of(server.ask("GET", "/v1/models?" + query, {}, "anthropic-version: 2023-06-01\r\n")));
    std::string names;
    for (const Json& model : list["data"]) names += model["id"].get<std::string>() + " ";
    return names + (list["has_more"] == true ? "+" : "-");
  };
  EXPECT_EQ(page("limit=2"), "toy a1 +");
  EXPECT_EQ(page("limit=2&after_id=a1"), "a2 a3 -");
  EXPECT_EQ(page("after_id=a1&limit=1"), "a2 +");
  EXPECT_EQ(page("limit=2&before_id=a3"), "a1 a2 +");
  EXPECT_EQ(page("before_id=a1"), "toy -");
  EXPECT_EQ(page("after_id=none"), "-");
  for (const char* limit : {"0", "1001", "x", "", "-1"})
    EXPECT_EQ(status_of_answer(server.ask("GET", std::string("/v1/models?limit=") + limit, {},
                                          "anthropic-version: 2023-06-01\r\n")),
              400)
        << limit;
}

TEST_F(Anthropic, errors_have_their_shape_before_and_within_a_stream) {
  const Json none = json("/v1/messages", R"({"model":"toy","messages":[]})");
  EXPECT_EQ(none["type"], "error");
  EXPECT_EQ(none["error"]["type"], "invalid_request_error");
  script({failed({ErrorCode::kNoMemory, "too big", {}})});
  EXPECT_EQ(json("/v1/messages", message(""))["error"]["type"], "overloaded_error");
  script({started(), delta("a"), failed({ErrorCode::kIo, "gone", {}})});
  EXPECT_TRUE(streamed("/v1/messages", message(R"(,"stream":true)"))
                  .ends_with("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":"
                             "\"overloaded_error\",\"message\":\"gone\"}}\n\n"));
}

TEST_F(Anthropic, what_is_no_text_is_refused_with_its_place) {
  for (const char* block :
       {R"({"type":"image","source":{}})", R"({"type":"document","source":{"type":"base64"}})",
        R"({"type":"tool_use","id":"a","name":"f"})", R"({"type":"nonsense"})", "5"}) {
    const Json body =
        json("/v1/messages", R"({"model":"toy","max_tokens":5,"messages":[{"role":"user",
            "content":[)" + std::string(block) +
                                 "]}]}");
    EXPECT_NE(body["error"]["message"].get<std::string>().find("messages[0].content[0]"),
              std::string::npos)
        << body.dump();
  }
  EXPECT_EQ(
      status_of_answer(server.ask("POST", "/v1/messages",
                                  R"({"model":"toy","messages":[{"role":"user","content":"a"}]})")),
      400)
      << "max_tokens must be there";
  EXPECT_EQ(status_of_answer(server.ask(
                "POST", "/v1/messages",
                message(R"(,"tools":[{"type":"web_search_20250305","name":"web_search"}])"))),
            400);
}

TEST_F(Anthropic, tokens_are_counted_with_system_and_tools) {
  script({result({{"n_tokens", 42}}), done()});
  EXPECT_EQ(json("/v1/messages/count_tokens",
                 R"({"model":"toy","system":"s","messages":[{"role":"user","content":"a"}]})")
                .dump(),
            R"({"input_tokens":42})");
  EXPECT_EQ(last_job().kind, engine::JobKind::kCount);
  EXPECT_EQ(last_job().messages.size(), 2u);
}

TEST_F(LlamaServer, a_completion_is_told_whole_and_streamed) {
  engine::Event stopped = finished("stop");
  stopped.stopped_by = "\n";
  script({started(), delta("a"), delta("b"), stopped, done()});
  const Json body = json("/completion", R"({"prompt":"p","n_predict":3,"model":"toy"})");
  EXPECT_EQ(body["content"], "ab");
  EXPECT_EQ(body["stop_type"], "word");
  EXPECT_EQ(body["stopping_word"], "\n");
  EXPECT_EQ(body["tokens_evaluated"], 5);
  EXPECT_EQ(last_job().max_tokens, 3);
  const std::string text = streamed("/completion", R"({"prompt":[1,2],"stream":true})");
  EXPECT_TRUE(text.starts_with(R"(data: {"index":0,"content":"a","tokens":[],"stop":false})"))
      << text;
  EXPECT_NE(text.find(R"("stop":true)"), std::string::npos);
  EXPECT_EQ(last_job().tokens, (std::vector<int32_t>{1, 2}));
}

TEST_F(LlamaServer, infill_is_between_prefix_and_suffix) {
  script({started(), delta("x"), finished(), done()});
  json("/infill", R"({"input_prefix":"a","input_suffix":"c","prompt":"b",
      "input_extra":[{"filename":"f","text":"e"}]})");
  EXPECT_EQ(last_job().prompt, "e\nab");
  EXPECT_EQ(last_job().suffix, "c");
}

TEST_F(LlamaServer, tokens_and_templates_are_told) {
  script({result({{"tokens", {1, 2}}, {"pieces", {"a", "b"}}}), done()});
  EXPECT_EQ(json("/tokenize", R"({"model":"toy","content":"ab"})").dump(), R"({"tokens":[1,2]})");
  EXPECT_FALSE(last_job().add_special);
  EXPECT_EQ(json("/tokenize", R"({"model":"toy","content":"ab","with_pieces":true})").dump(),
            R"({"tokens":[{"id":1,"piece":"a"},{"id":2,"piece":"b"}]})");
  script({result({{"tokens", {1, 2}}, {"pieces", {"a", "b"}}}),
          result({{"tokens", {3}}, {"pieces", {"c"}}}), done()});
  EXPECT_EQ(json("/tokenize", R"({"model":"toy","content":"abc","with_pieces":true})").dump(),
            R"({"tokens":[{"id":1,"piece":"a"},{"id":2,"piece":"b"},{"id":3,"piece":"c"}]})");
  script({result({{"text", "ab"}}), done()});
  EXPECT_EQ(json("/detokenize", R"({"model":"toy","tokens":[1,2]})").dump(), R"({"content":"ab"})");
  script({result({{"prompt", "<a>"}}), done()});
  EXPECT_EQ(json("/apply-template", R"({"model":"toy","messages":[{"role":"user","content":"a"}]})")
                .dump(),
            R"({"prompt":"<a>"})");
}

TEST_F(LlamaServer, properties_slots_and_metrics_have_no_texts_of_users) {
  server.models.now_loaded = {{.name = "toy", .n_ctx = 512, .n_slots = 2, .n_running = 1}};
  const auto get = [&](const char* path) { return body_of(server.ask("GET", path)); };
  EXPECT_EQ(get("/health"), R"({"status":"ok"})");
  EXPECT_EQ(parse_ordered_json(get("/props"))["total_slots"], 2);
  EXPECT_EQ(get("/slots"), R"([{"id":0,"model":"toy","n_ctx":512,"is_processing":true},)"
                           R"({"id":1,"model":"toy","n_ctx":512,"is_processing":false}])");
  const std::string metrics = get("/metrics");
  EXPECT_NE(metrics.find("# TYPE llamacpp:requests_processing gauge\n"
                         "llamacpp:requests_processing 1\n"),
            std::string::npos)
      << metrics;
}

TEST_F(LlamaServer, without_a_name_the_loaded_model_answers_and_says_so) {
  script({started(), delta("x"), finished(), done()});
  const Json body = json("/completion", R"({"prompt":"p"})");
  EXPECT_EQ(body["warnings"][0], "no model was named: 'toy' answers");
  server.models.cards.clear();
  EXPECT_EQ(status_of_answer(server.ask("POST", "/completion", R"({"prompt":"p"})")), 400);
}

}  // namespace
}  // namespace hearth::server
