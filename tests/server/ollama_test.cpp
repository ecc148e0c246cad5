// SPDX-License-Identifier: MIT
// Ollama's dialect: requests to jobs, and scripted events to exact lines.
#include <gtest/gtest.h>

#include "base/json.h"
#include "server/http/chunked.h"
#include "tests/server/running_server.h"

namespace hearth::server {
namespace {

using http::body_of;
using http::status_of_answer;

struct Ollama : testing::Test {
  Ollama() : key(*server.keys.add("k", true, true)) {
    server.app.iso_time = [] { return std::string("T"); };
  }
  std::string ask(const std::string& path, const std::string& body,
                  const std::string& method = "POST") {
    return server.ask(method, path, body, "x-api-key: " + key.text + "\r\n");
  }
  Json json(const std::string& path, const std::string& body) {
    return parse_ordered_json(body_of(ask(path, body)));
  }
  std::string lines(const std::string& path, const std::string& body) {
    const std::string answer = ask(path, body);
    std::string text;
    http::ChunkedDecoder decoder(1u << 20);
    decoder.feed(body_of(answer), text);
    EXPECT_TRUE(decoder.done()) << answer;
    EXPECT_NE(answer.find("application/x-ndjson"), std::string::npos);
    return text;
  }
  void script(std::vector<engine::Event> events) {
    server.models.script = [events = std::move(events)](const engine::Job&) { return events; };
  }
  engine::Job last_job() { return server.models.asked().back().job; }

  RunningServer server;
  NewKey key;
};

const std::string kMessages = R"("messages":[{"role":"user","content":"hi"}])";

TEST_F(Ollama, a_chat_streams_lines_where_nothing_else_is_said) {
  script({started(), thought("hm"), delta("Hi"), finished(), done()});
  EXPECT_EQ(
      lines("/api/chat", R"({"model":"toy",)" + kMessages + "}"),
      R"({"model":"toy","created_at":"T","message":{"role":"assistant","content":"",)"
      R"("thinking":"hm"},"done":false})"
      "\n"
      R"({"model":"toy","created_at":"T","message":{"role":"assistant","content":"Hi"},)"
      R"("done":false})"
      "\n"
      R"({"model":"toy","created_at":"T","message":{"role":"assistant","content":""},"done":true,)"
      R"("done_reason":"stop","total_duration":0,"load_duration":0,"prompt_eval_count":5,)"
      R"("prompt_eval_duration":0,"eval_count":2,"eval_duration":0})"
      "\n");
}

TEST_F(Ollama, generate_tells_its_response_whole) {
  script({started(), delta("Hi"), delta(" you"), finished("length"), done()});
  const Json body =
      json("/api/generate", R"({"model":"toy","prompt":"p","system":"s","stream":false})");
  EXPECT_EQ(body["response"], "Hi you");
  EXPECT_EQ(body["done_reason"], "length");
  EXPECT_EQ(body["eval_count"], 2);
  EXPECT_EQ(json_text(last_job().messages),
            R"([{"role":"system","content":"s"},{"role":"user","content":"p"}])");
}

TEST_F(Ollama, options_reach_the_job_and_the_wish) {
  script({started(), finished(), done()});
  json("/api/chat", R"({"model":"toy","stream":false,"keep_alive":"10m","format":"json",
      "think":"high","options":{"temperature":0.1,"top_k":3,"num_ctx":4096,"num_predict":9,
      "stop":["x"],"seed":7,"num_gpu":99,"mystery":1},)" +
                        kMessages + "}");
  const engine::Job job = last_job();
  EXPECT_EQ(job.sampler.temperature, 0.1);
  EXPECT_EQ(job.sampler.top_k, 3);
  EXPECT_EQ(job.sampler.seed, 7);
  EXPECT_EQ(job.max_tokens, 9);
  EXPECT_EQ(job.stop, std::vector<std::string>{"x"});
  EXPECT_EQ(job.shape, engine::Shape::kJsonObject);
  EXPECT_EQ(job.thinking, engine::Thinking::kOn);
  EXPECT_EQ(job.reasoning_effort, "high");
  EXPECT_EQ(server.models.asked().back().wish.keep_alive_s, 600);
  EXPECT_EQ(server.models.asked().back().wish.n_ctx, 4096);
  const Json body = json("/api/chat", R"({"model":"toy","stream":false,
      "options":{"num_gpu":99,"mystery":1},)" +
                                          kMessages + "}");
  EXPECT_EQ(body["warnings"].size(), 2u) << body.dump();
}

TEST_F(Ollama, raw_and_suffix_are_texts_as_they_are) {
  script({started(), finished(), done()});
  json("/api/generate", R"({"model":"toy","prompt":"p","raw":true,"stream":false})");
  EXPECT_EQ(last_job().kind, engine::JobKind::kComplete);
  EXPECT_EQ(last_job().prompt, "p");
  json("/api/generate", R"({"model":"toy","prompt":"a","suffix":"b","stream":false})");
  EXPECT_EQ(last_job().suffix, "b");
}

TEST_F(Ollama, tool_calls_come_whole_with_arguments_as_an_object) {
  script({started(), tool_call(0, "f", "{\"a\""), tool_call(0, "", ":1}"), finished("tool_calls"),
          done()});
  const std::string text = lines(
      "/api/chat",
      R"({"model":"toy","tools":[{"type":"function","function":{"name":"f"}}],)" + kMessages + "}");
  EXPECT_NE(
      text.find(R"("tool_calls":[{"id":"call_1","function":{"name":"f","arguments":{"a":1}}}])"),
      std::string::npos)
      << text;
}

TEST_F(Ollama, earlier_tool_calls_and_thoughts_become_openais) {
  script({started(), finished(), done()});
  json("/api/chat", R"({"model":"toy","stream":false,"messages":[{"role":"user","content":"q"},
      {"role":"assistant","content":"","thinking":"t","tool_calls":[{"function":{"name":"f",
      "arguments":{"a":1}}}]},{"role":"tool","content":"5","tool_name":"f"}]})");
  const engine::Job job = last_job();
  EXPECT_EQ(job.messages[1]["reasoning_content"], "t");
  EXPECT_EQ(job.messages[1]["tool_calls"][0]["function"]["arguments"], "{\"a\":1}");
  EXPECT_EQ(job.messages[2]["name"], "f");
}

TEST_F(Ollama, an_empty_request_loads_and_keep_alive_0_unloads) {
  EXPECT_EQ(json("/api/generate", R"({"model":"toy","keep_alive":-1})")["done_reason"], "load");
  ASSERT_EQ(server.models.loads.size(), 1u);
  EXPECT_EQ(server.models.loads[0].second.keep_alive_s, -1);
  EXPECT_EQ(json("/api/chat", R"({"model":"toy","messages":[],"keep_alive":0})")["done_reason"],
            "unload");
  EXPECT_EQ(server.models.unloads, std::vector<std::string>{"toy"});
  EXPECT_EQ(status_of_answer(ask("/api/generate", R"({"model":"none"})")), 404);
}

TEST_F(Ollama, what_cannot_be_honoured_is_a_400) {
  for (const std::string body :
       {R"({"model":"toy","prompt":"a","images":["aGk="]})",
        R"({"model":"toy","prompt":"a","context":[1,2]})",
        R"({"model":"toy","prompt":"a","template":"{{ .Prompt }}"})",
        R"({"model":"toy","prompt":"a","format":"yaml"})",
        R"({"model":"toy","prompt":"a","options":{"top_k":"many"}})",
        R"({"model":"toy","prompt":"a","options":[]})", R"({"model":"toy","prompt":"a","think":3})",
        R"({"model":"toy","prompt":"a","truncate":true})"}) {
    const std::string answer = ask("/api/generate", body);
    EXPECT_EQ(status_of_answer(answer), 400) << body;
    EXPECT_TRUE(parse_json(body_of(answer))["error"].is_string()) << answer;
  }
  EXPECT_EQ(status_of_answer(ask("/api/chat", R"({"model":"toy","messages":[{"role":"user",
      "content":"a","images":["aGk="]}]})")),
            400);
}

TEST_F(Ollama, embeddings_come_in_both_forms) {
  script({result({{"vectors", {{1.0, 2.0}}}, {"n_tokens", {3}}}), done()});
  EXPECT_EQ(json("/api/embed", R"({"model":"toy","input":"a"})")["embeddings"].dump(),
            "[[1.0,2.0]]");
  EXPECT_EQ(json("/api/embeddings", R"({"model":"toy","prompt":"a"})").dump(),
            R"({"embedding":[1.0,2.0]})");
}

TEST_F(Ollama, models_are_made_of_others_copied_shown_and_deleted) {
  script({started(), finished(), done()});
  EXPECT_NE(lines("/api/create", R"({"model":"pirate:latest","from":"toy","system":"Arr",
      "parameters":{"temperature":0.2,"num_ctx":512}})")
                .find(R"({"status":"success"})"),
            std::string::npos);
  json("/api/chat", R"({"model":"pirate","stream":false,)" + kMessages + "}");
  EXPECT_EQ(server.models.asked().back().model, "toy");
  EXPECT_EQ(server.models.asked().back().wish.n_ctx, 512);
  EXPECT_EQ(last_job().messages[0]["content"], "Arr");
  EXPECT_EQ(last_job().sampler.temperature, 0.2);
  EXPECT_EQ(status_of_answer(ask("/api/copy", R"({"source":"pirate","destination":"corsair"})")),
            200);
  const Json shown = json("/api/show", R"({"model":"corsair"})");
  EXPECT_EQ(shown["system"], "Arr");
  EXPECT_EQ(shown["details"]["parent_model"], "toy");
  const Json tags = parse_ordered_json(body_of(server.ask("GET", "/api/tags")));
  EXPECT_EQ(tags["models"].size(), 3u);
  EXPECT_EQ(status_of_answer(ask("/api/delete", R"({"model":"pirate"})", "DELETE")), 200);
  EXPECT_EQ(status_of_answer(ask("/api/delete", R"({"model":"pirate"})", "DELETE")), 404);
  EXPECT_EQ(status_of_answer(ask("/api/create", R"({"model":"toy","from":"toy"})")), 400);
  EXPECT_EQ(status_of_answer(ask("/api/create", R"({"model":"../x","from":"toy"})")), 400);
  EXPECT_EQ(status_of_answer(ask("/api/create", R"({"model":"x","from":"none"})")), 404);
  EXPECT_EQ(status_of_answer(ask("/api/create", R"({"model":"x","from":"toy",
      "parameters":{"top_k":"a"}})")),
            400);
}

TEST_F(Ollama, uploading_says_what_to_do_instead) {
  const std::string blob = ask("/api/blobs/sha256:0123", "a file's bytes");
  EXPECT_EQ(status_of_answer(blob), 400);
  EXPECT_NE(blob.find("hearth import"), std::string::npos) << blob;
  EXPECT_EQ(status_of_answer(ask("/api/blobs/sha256:0123", "", "HEAD")), 400);
  EXPECT_EQ(status_of_answer(ask("/api/push", R"({"model":"toy"})")), 400);
}

TEST_F(Ollama, what_is_loaded_is_listed_with_its_end) {
  server.models.now_loaded = {{.name = "toy", .bytes = 77, .n_ctx = 512, .expires_unix_s = 0}};
  const Json ps = parse_ordered_json(body_of(server.ask("GET", "/api/ps")));
  EXPECT_EQ(ps["models"][0]["size"], 77);
  EXPECT_EQ(ps["models"][0]["expires_at"], "1970-01-01T00:00:00Z");
  EXPECT_EQ(ps["models"][0]["context_length"], 512);
}

TEST_F(Ollama, a_stream_that_fails_ends_with_a_line_that_says_so) {
  script({started(), delta("a"), failed({ErrorCode::kIo, "the engine died", {}})});
  EXPECT_TRUE(lines("/api/chat", R"({"model":"toy",)" + kMessages + "}")
                  .ends_with("{\"error\":\"the engine died\"}\n"));
}

}  // namespace
}  // namespace hearth::server
