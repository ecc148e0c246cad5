// SPDX-License-Identifier: MIT
// OpenAI's dialect: requests to jobs, and scripted events to exact answers and streams.
#include <gtest/gtest.h>

#include <limits>
#include <tuple>

#include "base/json.h"
#include "server/dialects/vectors.h"
#include "server/http/chunked.h"
#include "tests/server/running_server.h"

namespace hearth::server {
namespace {

using http::body_of;
using http::RawClient;
using http::status_of_answer;

constexpr const char* kPath = "/v1/chat/completions";

Json body_json(const std::string& answer) { return parse_ordered_json(body_of(answer)); }

// The body of a chunked answer.
std::string streamed(const std::string& answer) {
  std::string body, rest = body_of(answer);
  http::ChunkedDecoder decoder(1u << 20);
  decoder.feed(rest, body);
  EXPECT_TRUE(decoder.done()) << answer;
  return body;
}

std::string chat(const std::string& more) {
  return R"({"model":"toy","messages":[{"role":"user","content":"hi"}])" + more + "}";
}

// The job that a request becomes; it fails at once.
engine::Job job_of(RunningServer& server, const std::string& path, const std::string& body) {
  const size_t n_before = server.models.asked().size();
  server.models.script = [](const engine::Job&) {
    return std::vector{failed({ErrorCode::kInternal, "scripted", {}})};
  };
  const std::string answer = server.ask("POST", path, body);
  const auto asked = server.models.asked();
  EXPECT_EQ(asked.size(), n_before + 1) << body << "\n" << answer;
  return asked.size() > n_before ? asked.back().job : engine::Job{};
}

int status_for(RunningServer& server, const std::string& path, const std::string& body) {
  return status_of_answer(server.ask("POST", path, body));
}

TEST(OpenAiChat, every_field_reaches_the_job) {
  RunningServer server;
  const engine::Job job = job_of(server, kPath, chat(R"(,"max_completion_tokens":7,"n":3,"seed":42,
      "temperature":0.5,"top_p":0.9,"top_k":10,"min_p":0.1,"repeat_penalty":1.1,
      "presence_penalty":0.2,"frequency_penalty":-0.3,"stop":["a","b"],"logprobs":true,
      "top_logprobs":4,"logit_bias":{"5":-100,"6":2.5},"ignore_eos":true,
      "tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],
      "tool_choice":{"type":"function","function":{"name":"f"}},"parallel_tool_calls":false,
      "reasoning_effort":"minimal","thinking_budget_tokens":9,
      "chat_template_kwargs":{"enable_thinking":false},"add_generation_prompt":true)"));
  EXPECT_EQ(job.kind, engine::JobKind::kChat);
  EXPECT_EQ(job.owner, "local");
  EXPECT_EQ(json_text(job.messages), R"([{"role":"user","content":"hi"}])");
  EXPECT_EQ(job.max_tokens, 7);
  EXPECT_EQ(job.n, 3);
  EXPECT_EQ(job.sampler.seed, 42);
  EXPECT_EQ(job.sampler.temperature, 0.5);
  EXPECT_EQ(job.sampler.top_p, 0.9);
  EXPECT_EQ(job.sampler.top_k, 10);
  EXPECT_EQ(job.sampler.min_p, 0.1);
  EXPECT_EQ(job.sampler.repeat_penalty, 1.1);
  EXPECT_EQ(job.sampler.presence_penalty, 0.2);
  EXPECT_EQ(job.sampler.frequency_penalty, -0.3);
  EXPECT_EQ(job.stop, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(job.n_logprobs, 4);
  EXPECT_EQ(job.sampler.logit_bias, (std::vector<sample::LogitBias>{{5, -100}, {6, 2.5}}));
  EXPECT_TRUE(job.ignore_end);
  EXPECT_EQ(job.tools.size(), 1u);
  EXPECT_EQ(job.tool_choice, engine::ToolChoice::kNamed);
  EXPECT_EQ(job.tool_name, "f");
  EXPECT_FALSE(job.parallel_tool_calls);
  EXPECT_EQ(job.reasoning_effort, "low");
  EXPECT_EQ(job.thinking_budget, 9);
  EXPECT_EQ(job.variables["enable_thinking"], false);
}

TEST(OpenAiChat, what_is_not_said_has_the_samplers_defaults) {
  RunningServer server;
  const engine::Job job = job_of(server, kPath, chat(""));
  EXPECT_EQ(job.sampler, sample::SamplerParams{});
  EXPECT_EQ(job.max_tokens, -1);
  EXPECT_EQ(job.n, 1);
  EXPECT_EQ(job.n_logprobs, -1);
  EXPECT_EQ(job.shape, engine::Shape::kFree);
  EXPECT_TRUE(job.split_reasoning);
  const engine::Job nulls =
      job_of(server, kPath, chat(R"(,"seed":null,"stop":null,"tools":null,"max_tokens":null)"));
  EXPECT_EQ(nulls.sampler, sample::SamplerParams{});
}

TEST(OpenAiChat, the_forms_of_an_answer_become_its_shape) {
  RunningServer server;
  const auto shape = [&](const std::string& more) { return job_of(server, kPath, chat(more)); };
  EXPECT_EQ(shape(R"(,"response_format":{"type":"text"})").shape, engine::Shape::kFree);
  EXPECT_EQ(shape(R"(,"response_format":{"type":"json_object"})").shape,
            engine::Shape::kJsonObject);
  const engine::Job schema = shape(
      R"(,"response_format":{"type":"json_schema","json_schema":{"name":"x","strict":true,
      "schema":{"type":"object","properties":{"z":{},"a":{}}}}})");
  EXPECT_EQ(schema.shape, engine::Shape::kJsonSchema);
  EXPECT_EQ(schema.shape_text, R"({"type":"object","properties":{"z":{},"a":{}}})");
  EXPECT_EQ(shape(R"(,"grammar":"root ::= \"a\"")").shape, engine::Shape::kGrammar);
  EXPECT_EQ(shape(R"(,"json_schema":{"type":"string"})").shape, engine::Shape::kJsonSchema);
}

TEST(OpenAiChat, what_cannot_be_honoured_is_a_400_that_names_the_field) {
  RunningServer server;
  const std::vector<std::pair<std::string, std::string>> all = {
      {R"(,"audio":{})", "audio"},
      {R"(,"functions":[])", "functions"},
      {R"(,"modalities":["text","audio"])", "modalities"},
      {R"(,"n":0)", "n"},
      {R"(,"n":1.5)", "n"},
      {R"(,"n":"2")", "n"},
      {R"(,"temperature":-1)", "temperature"},
      {R"(,"top_logprobs":3)", "top_logprobs"},
      {R"(,"logprobs":true,"top_logprobs":21)", "top_logprobs"},
      {R"(,"logit_bias":{"x":1})", "logit_bias"},
      {R"(,"logit_bias":{"1":"2"})", "logit_bias"},
      {R"(,"logit_bias":{"-1":1})", "logit_bias"},
      {R"(,"stop":[1])", "stop"},
      {R"(,"stop":5)", "stop"},
      {R"(,"stream":"yes")", "stream"},
      {R"(,"stream_options":{"include_usage":true})", "stream_options"},
      {R"(,"max_tokens":5,"max_completion_tokens":6)", "max_tokens"},
      {R"(,"response_format":{"type":"yaml"})", "response_format"},
      {R"(,"response_format":{"type":"json_schema"})", "response_format"},
      {R"(,"response_format":{"type":"json_object"},"grammar":"x")", "grammar"},
      {R"(,"tools":[{"type":"web_search"}])", "tools[0]"},
      {R"(,"tools":[{"type":"function","function":{"name":"a b"}}])", "tools[0].function.name"},
      {R"(,"tool_choice":"required")", "tool_choice"},
      {R"(,"tools":[{"type":"function","function":{"name":"f"}}],)"
       R"("tool_choice":{"function":{"name":"g"}})",
       "tool_choice"},
      {R"(,"reasoning_effort":"huge")", "reasoning_effort"},
      {R"(,"reasoning_format":"other")", "reasoning_format"},
      {R"(,"chat_template_kwargs":{"messages":[]})", "chat_template_kwargs"},
      {R"(,"chat_template_kwargs":{"tokenize":true})", "chat_template_kwargs"},
      {R"(,"continue_final_message":true)", "continue_final_message"},
      {R"(,"keep_alive":"soon")", "keep_alive"},
  };
  for (const auto& [more, field] : all) {
    const std::string answer = server.ask("POST", kPath, chat(more));
    EXPECT_EQ(status_of_answer(answer), 400) << more;
    const Json json = body_json(answer);
    ASSERT_TRUE(json.is_object() && json.contains("error")) << answer;
    EXPECT_EQ(json["error"]["param"], field) << answer;
    EXPECT_EQ(json["error"]["type"], "invalid_request_error");
  }
  EXPECT_TRUE(server.models.asked().empty());
}

TEST(OpenAiChat, images_and_audio_are_refused_with_their_place) {
  RunningServer server;
  for (const char* type : {"image_url", "input_audio", "file", "video_url", "nonsense"}) {
    const std::string answer = server.ask(
        "POST", kPath,
        R"({"model":"toy","messages":[{"role":"user","content":[{"type":"text","text":"a"},)"
        R"({"type":")" +
            std::string(type) + R"("}]}]})");
    EXPECT_EQ(status_of_answer(answer), 400);
    EXPECT_EQ(body_json(answer)["error"]["param"], "messages[0].content[1]") << answer;
  }
}

TEST(OpenAiChat, parts_of_text_and_developers_become_what_templates_know) {
  RunningServer server;
  const engine::Job job = job_of(
      server, kPath,
      R"({"model":"toy","messages":[{"role":"developer","content":[{"type":"text","text":"a"},
      {"type":"text","text":"b"}]},{"role":"assistant","content":null,"tool_calls":[{"id":"c",
      "type":"function","function":{"name":"f","arguments":"{}"}}]},
      {"role":"tool","tool_call_id":"c","content":"5"}]})");
  EXPECT_EQ(job.messages[0]["role"], "system");
  EXPECT_EQ(job.messages[0]["content"], "a\nb");
  EXPECT_EQ(job.messages[1]["content"], "");
  EXPECT_EQ(job.messages[2]["tool_call_id"], "c");
}

TEST(OpenAiChat, an_answer_is_this_object) {
  RunningServer server;
  server.models.script = [](const engine::Job&) {
    return std::vector{started(), thought("hm"), delta("He"), delta("llo"), finished(), done()};
  };
  const Json body = body_json(server.ask("POST", kPath, chat("")));
  Json expected = Json::parse(R"({"id":"chatcmpl-1","object":"chat.completion",
      "created":1700000000,"model":"toy","system_fingerprint":"hearth","choices":[{"index":0,
      "message":{"role":"assistant","content":"Hello","reasoning_content":"hm","refusal":null},
      "logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":2,
      "total_tokens":7,"prompt_tokens_details":{"cached_tokens":1},
      "completion_tokens_details":{"reasoning_tokens":0}}})");
  Json without_times = body;
  without_times.erase("timings");
  EXPECT_EQ(without_times.dump(), expected.dump());
  EXPECT_EQ(body["timings"]["prompt_n"], 4);
}

TEST(OpenAiChat, a_stream_is_this_text) {
  RunningServer server;
  server.models.script = [](const engine::Job&) {
    return std::vector{started(), delta("He"), delta("llo"), finished("length"), done()};
  };
  const std::string head = R"({"id":"chatcmpl-1","object":"chat.completion.chunk",)"
                           R"("created":1700000000,"model":"toy","system_fingerprint":"hearth",)";
  const auto chunk = [&](const std::string& delta, const std::string& reason) {
    return "data: " + head + R"("choices":[{"index":0,"delta":)" + delta +
           R"(,"logprobs":null,"finish_reason":)" + reason + "}]}\n\n";
  };
  const std::string answer = server.ask("POST", kPath, chat(R"(,"stream":true)"));
  EXPECT_NE(answer.find("Content-Type: text/event-stream\r\n"), std::string::npos);
  EXPECT_EQ(streamed(answer), chunk(R"({"role":"assistant","content":""})", "null") +
                                  chunk(R"({"content":"He"})", "null") +
                                  chunk(R"({"content":"llo"})", "null") +
                                  chunk("{}", R"("length")") + "data: [DONE]\n\n");
}

TEST(OpenAiChat, a_stream_tells_its_usage_when_it_is_asked_to) {
  RunningServer server;
  server.models.script = [](const engine::Job&) {
    return std::vector{started(), delta("a"), finished(), done()};
  };
  const std::string text = streamed(
      server.ask("POST", kPath, chat(R"(,"stream":true,"stream_options":{"include_usage":true})")));
  EXPECT_NE(text.find(R"("choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2)"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find(R"("usage":null)"), std::string::npos);
}

TEST(OpenAiChat, tool_calls_are_streamed_in_pieces_and_told_whole) {
  RunningServer server;
  server.models.script = [](const engine::Job&) {
    return std::vector{started(),
                       tool_call(0, "f", ""),
                       tool_call(0, "", "{\"a\":"),
                       tool_call(0, "", "1}"),
                       tool_call(1, "g", "{}"),
                       finished("tool_calls"),
                       done()};
  };
  const std::string text = streamed(server.ask("POST", kPath, chat(R"(,"stream":true)")));
  for (const char* piece : {R"("tool_calls":[{"index":0,"id":"call_1","type":"function",)"
                            R"("function":{"name":"f","arguments":""}}])",
                            R"("tool_calls":[{"index":0,"function":{"arguments":"{\"a\":"}}])",
                            R"("tool_calls":[{"index":0,"function":{"arguments":"1}"}}])",
                            R"("tool_calls":[{"index":1,"id":"call_1","type":"function",)"
                            R"("function":{"name":"g","arguments":"{}"}}])",
                            R"("finish_reason":"tool_calls")"})
    EXPECT_NE(text.find(piece), std::string::npos) << piece << "\n" << text;
  const Json body = body_json(server.ask("POST", kPath, chat("")));
  const Json& message = body["choices"][0]["message"];
  EXPECT_TRUE(message["content"].is_null());
  EXPECT_EQ(message["tool_calls"][0]["function"]["arguments"], "{\"a\":1}");
  EXPECT_EQ(message["tool_calls"][1]["function"]["name"], "g");
}

TEST(OpenAiChat, logprobs_have_texts_bytes_and_finite_numbers) {
  RunningServer server;
  server.models.script = [](const engine::Job&) {
    engine::Event event = delta("\xC3\xA9");
    event.logprobs = {{{7, -0.5}, {{7, -0.5}, {8, -std::numeric_limits<double>::infinity()}}}};
    event.logprob_texts = {"\xC3\xA9", "\xC3\xA9", "\xFF"};
    return std::vector{started(), event, finished(), done()};
  };
  const Json body =
      body_json(server.ask("POST", kPath, chat(R"(,"logprobs":true,"top_logprobs":2)")));
  const Json& entry = body["choices"][0]["logprobs"]["content"][0];
  EXPECT_EQ(entry["logprob"], -0.5);
  EXPECT_EQ(entry["bytes"], Json::array({0xC3, 0xA9}));
  EXPECT_EQ(entry["top_logprobs"][1]["logprob"], -9999.0);
  EXPECT_EQ(entry["top_logprobs"][1]["token"], "\xEF\xBF\xBD");
  EXPECT_EQ(entry["top_logprobs"][1]["bytes"], Json::array({0xFF}));
}

TEST(OpenAiChat, unknown_fields_are_told_in_the_answer_and_in_a_header) {
  RunningServer server;
  server.models.script = [](const engine::Job&) {
    engine::Event begun = started();
    begun.warnings = {"the engine says so"};
    return std::vector{begun, delta("a"), finished(), done()};
  };
  const std::string answer =
      server.ask("POST", kPath, chat(R"(,"frobnicate":1,"\u001b[31m\r\nX: y":2)"));
  const Json body = body_json(answer);
  ASSERT_EQ(body["warnings"].size(), 3u) << answer;
  EXPECT_EQ(body["warnings"][0], "unknown field 'frobnicate' has no effect");
  EXPECT_EQ(body["warnings"][2], "the engine says so");
  EXPECT_NE(answer.find("x-hearth-warnings: unknown field 'frobnicate' has no effect; "),
            std::string::npos);
  EXPECT_EQ(answer.find("\r\nX: y"), std::string::npos);
  EXPECT_EQ(answer.find('\x1b'), std::string::npos);
  const std::string stream = server.ask("POST", kPath, chat(R"(,"frobnicate":1,"stream":true)"));
  EXPECT_NE(stream.find("x-hearth-warnings: "), std::string::npos);
  EXPECT_NE(streamed(stream).find(R"("warnings":["unknown field)"), std::string::npos);
}

TEST(OpenAiChat, errors_before_and_within_a_stream_have_their_shape) {
  RunningServer server;
  const std::vector<std::tuple<ErrorCode, int64_t, int>> all = {
      {ErrorCode::kInvalid, 0, 400},     {ErrorCode::kNotFound, 0, 404},
      {ErrorCode::kUnsupported, 0, 400}, {ErrorCode::kLimit, 0, 400},
      {ErrorCode::kLimit, 3, 429},       {ErrorCode::kNoMemory, 0, 507},
      {ErrorCode::kIo, 5, 503},          {ErrorCode::kInterrupted, 0, 503},
      {ErrorCode::kCorrupt, 0, 500},     {ErrorCode::kNumeric, 0, 500},
      {ErrorCode::kInternal, 0, 500}};
  for (const auto& [code, retry, status] : all) {
    server.models.script = [code = code, retry = retry](const engine::Job&) {
      return std::vector{failed({code, "why", "what next"}, retry)};
    };
    const std::string answer = server.ask("POST", kPath, chat(R"(,"stream":true)"));
    EXPECT_EQ(status_of_answer(answer), status);
    EXPECT_EQ(answer.find("Retry-After: ") != std::string::npos, retry > 0) << answer;
    EXPECT_EQ(body_json(answer)["error"]["message"], "why; what next");
  }
  server.models.script = [](const engine::Job&) {
    return std::vector{started(), delta("a"), failed({ErrorCode::kIo, "the engine died", {}})};
  };
  const std::string text = streamed(server.ask("POST", kPath, chat(R"(,"stream":true)")));
  EXPECT_TRUE(text.ends_with(R"(data: {"error":{"message":"the engine died","type":"server_error",)"
                             R"("param":null,"code":"io"}})"
                             "\n\n"))
      << text;
}

TEST(OpenAiChat, bytes_that_are_no_text_become_replacement_characters) {
  RunningServer server;
  server.models.script = [](const engine::Job&) {
    return std::vector{started(), delta("a\xFFz"), finished(), done()};
  };
  const Json body = body_json(server.ask("POST", kPath, chat("")));
  EXPECT_EQ(body["choices"][0]["message"]["content"], "a\xEF\xBF\xBDz");
}

TEST(OpenAiCompletion, several_prompts_and_answers_are_numbered_through) {
  RunningServer server;
  server.models.script = [](const engine::Job& job) {
    return std::vector{started(),           delta(job.prompt + "0", 0), delta(job.prompt + "1", 1),
                       finished("stop", 0), finished("length", 1),      done()};
  };
  const Json body = body_json(
      server.ask("POST", "/v1/completions", R"({"model":"toy","prompt":["a","b"],"n":2})"));
  ASSERT_EQ(body["choices"].size(), 4u);
  EXPECT_EQ(body["choices"][3]["text"], "b1");
  EXPECT_EQ(body["choices"][3]["finish_reason"], "length");
  EXPECT_EQ(body["usage"]["prompt_tokens"], 10);
  EXPECT_EQ(server.models.asked()[0].job.max_tokens, 16);
}

TEST(OpenAiCompletion, prompts_are_texts_or_tokens) {
  RunningServer server;
  const auto job = [&](const std::string& prompt) {
    return job_of(server, "/v1/completions", R"({"model":"toy","prompt":)" + prompt + "}");
  };
  EXPECT_EQ(job(R"("text")").prompt, "text");
  EXPECT_EQ(job("[1,2,3]").tokens, (std::vector<int32_t>{1, 2, 3}));
  for (const char* wrong :
       {"5", "[]", "[[]]", "[-1]", "[1.5]", "[1,\"a\"]", "[99999999999]", "{}", "true", "[null]"})
    EXPECT_EQ(status_for(server, "/v1/completions",
                         std::string(R"({"model":"toy","prompt":)") + wrong + "}"),
              400)
        << wrong;
}

TEST(OpenAiCompletion, offsets_of_logprobs_count_an_echoed_prompt_without_any) {
  RunningServer server;
  server.models.script = [](const engine::Job&) {
    engine::Event event = delta("ab");
    event.logprobs = {{{1, -1.0}, {{1, -1.0}}}, {{2, -2.0}, {{2, -2.0}}}};
    event.logprob_texts = {"a", "a", "b", "b"};
    return std::vector{started(), delta("Two"), event, finished(), done()};
  };
  const std::string request = R"({"model":"toy","prompt":"Two","echo":true,"logprobs":1)";
  const Json body = body_json(server.ask("POST", "/v1/completions", request + "}"));
  EXPECT_EQ(body["choices"][0]["text"], "Twoab");
  EXPECT_EQ(body["choices"][0]["logprobs"]["text_offset"], Json::array({3, 4}));
  EXPECT_EQ(body["choices"][0]["logprobs"]["top_logprobs"][1]["b"], -2.0);
  const std::string text =
      streamed(server.ask("POST", "/v1/completions", request + R"(,"stream":true})"));
  EXPECT_NE(text.find(R"("text_offset":[3,4])"), std::string::npos) << text;
}

TEST(OpenAiEmbeddings, vectors_come_as_numbers_or_base64_and_shortened) {
  RunningServer server;
  server.models.script = [](const engine::Job&) {
    return std::vector{result({{"first", 0}, {"vectors", {{3.0, 4.0, 0.0}}}, {"n_tokens", {2}}}),
                       result({{"first", 1}, {"vectors", {{1.0, 0.0, 0.0}}}, {"n_tokens", {3}}}),
                       done()};
  };
  const std::string request = R"({"model":"toy","input":["a","b"])";
  const Json body = body_json(server.ask("POST", "/v1/embeddings", request + "}"));
  EXPECT_EQ(body["data"][0]["embedding"], Json::array({3.0, 4.0, 0.0}));
  EXPECT_EQ(body["data"][1]["index"], 1);
  EXPECT_EQ(body["usage"]["total_tokens"], 5);
  const Json shorter =
      body_json(server.ask("POST", "/v1/embeddings", request + R"(,"dimensions":1})"));
  EXPECT_EQ(shorter["data"][0]["embedding"], Json::array({1.0}));
  const Json base64 =
      body_json(server.ask("POST", "/v1/embeddings", request + R"(,"encoding_format":"base64"})"));
  EXPECT_EQ(base64["data"][0]["embedding"], "AABAQAAAgEAAAAAA");
  EXPECT_EQ(floats_base64({1.0f}), "AACAPw==");
  EXPECT_EQ(floats_base64({1.0f, 1.0f}), "AACAPwAAgD8=");
  EXPECT_EQ(status_for(server, "/v1/embeddings", request + R"(,"dimensions":4})"), 400);
}

TEST(OpenAiEmbeddings, inputs_are_texts_or_tokens) {
  RunningServer server;
  server.models.script = [](const engine::Job& job) {
    std::vector<engine::Event> events;
    for (size_t i = 0; i < std::max(job.texts.size(), job.token_counts.size()); ++i)
      events.push_back(result({{"first", i}, {"vectors", {{1.0}}}, {"n_tokens", {2}}}));
    events.push_back(done());
    return events;
  };
  const auto job_for = [&](const std::string& input) {
    const Json body =
        body_json(server.ask("POST", "/v1/embeddings", R"({"model":"toy","input":)" + input + "}"));
    engine::Job job = server.models.asked().back().job;
    EXPECT_EQ(body["data"].size(), std::max(job.texts.size(), job.token_counts.size())) << input;
    return job;
  };
  EXPECT_EQ(job_for(R"(["a","b"])").texts.size(), 2u);
  const engine::Job one = job_for("[5,0,7]");
  EXPECT_EQ(one.tokens, (std::vector<int32_t>{5, 0, 7}));
  EXPECT_EQ(one.token_counts, std::vector<int32_t>{3});
  const engine::Job several = job_for("[[1],[2,3]]");
  EXPECT_EQ(several.tokens, (std::vector<int32_t>{1, 2, 3}));
  EXPECT_EQ(several.token_counts, (std::vector<int32_t>{1, 2}));
  for (const char* input : {"[]", "[[]]", "[1,[2]]", "[[1],2]", "[1,\"a\"]", "[\"a\",1]", "[-1]",
                            "[1.5]", "[[[1]]]", "[4294967296]", "{}", "3", "\"\""})
    EXPECT_EQ(status_for(server, "/v1/embeddings",
                         R"({"model":"toy","input":)" + std::string(input) + "}"),
              400)
        << input;
}

TEST(OpenAiRerank, documents_come_back_best_first) {
  RunningServer server;
  server.models.script = [](const engine::Job&) {
    return std::vector{result({{"scores", {0.1, 0.9, 0.5}}, {"n_tokens", {1, 2, 3}}}), done()};
  };
  const Json body = body_json(
      server.ask("POST", "/v1/rerank",
                 R"({"model":"toy","query":"q","documents":["a",{"text":"b"},"c"],"top_n":2,)"
                 R"("return_documents":true})"));
  EXPECT_EQ(json_text(body["results"]),
            R"([{"index":1,"relevance_score":0.9,"document":{"text":"b"}},)"
            R"({"index":2,"relevance_score":0.5,"document":{"text":"c"}}])");
  EXPECT_EQ(body["usage"]["total_tokens"], 6);
}

TEST(OpenAiModels, are_listed_and_found_by_name) {
  RunningServer server;
  const Json list = body_json(server.ask("GET", "/v1/models"));
  EXPECT_EQ(list["data"][0]["id"], "toy");
  EXPECT_EQ(body_json(server.ask("GET", "/v1/models/toy"))["object"], "model");
  EXPECT_EQ(body_json(server.ask("GET", "/v1/models/none"))["error"]["code"], "model_not_found");
}

TEST(OpenAi, a_body_that_is_no_json_object_is_a_400) {
  RunningServer server;
  for (const std::string body : {"x", "[", "[]", "1", "\"a\"", "null", "{\"a\":1",
                                 "{\"model\":\"toy\"}x", "{'a':1}", "\xFF"})
    EXPECT_EQ(status_for(server, kPath, body), 400) << body;
  EXPECT_EQ(status_for(server, kPath, std::string(100'000, '[')), 400);
  EXPECT_EQ(status_for(server, kPath, R"({"messages":)" + std::string(100'000, '[')), 400);
}

}  // namespace
}  // namespace hearth::server
