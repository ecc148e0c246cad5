// SPDX-License-Identifier: MIT
#include "engine/protocol.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <tuple>

#include "base/json.h"
#include "tests/engine/protocol_messages.h"
#include "tests/support/paths.h"

namespace hearth::engine {
namespace {

using test::some_messages;

std::string frame_of(const Message& message) {
  auto frame = encode(message);
  EXPECT_TRUE(frame) << frame.error().message;
  return frame.value_or("");
}

std::string payload_of(const Message& message) { return frame_of(message).substr(kFrameHeadBytes); }

template <class T>
T round_trip(const T& value) {
  auto back = decode(payload_of(value));
  EXPECT_TRUE(back) << back.error().message;
  if (!back || !std::holds_alternative<T>(*back)) {
    ADD_FAILURE() << "another message came back";
    return T{};
  }
  return std::get<T>(std::move(*back));
}

// The members as a tuple. A new member makes these not compile: it belongs into the protocol, and
// into the filled values of protocol_messages.h.
auto members(const Job& j) {
  const auto& [id, owner, kind, messages, tools, variables, add_generation_prompt, continue_last,
               chat_template, prompt, suffix, tokens, texts, token_counts, add_special,
               parse_special, sampler, max_tokens, stop, ignore_end, n, n_logprobs, echo,
               want_tokens, shape, shape_text, tool_choice, tool_name, parallel_tool_calls,
               thinking, thinking_budget, reasoning_effort, split_reasoning, pooling, deadline_ms] =
      j;
  return std::tie(id, owner, kind, messages, tools, variables, add_generation_prompt, continue_last,
                  chat_template, prompt, suffix, tokens, texts, token_counts, add_special,
                  parse_special, sampler, max_tokens, stop, ignore_end, n, n_logprobs, echo,
                  want_tokens, shape, shape_text, tool_choice, tool_name, parallel_tool_calls,
                  thinking, thinking_budget, reasoning_effort, split_reasoning, pooling,
                  deadline_ms);
}

auto members(const Usage& u) {
  const auto& [n_prompt, n_cached, n_completion, n_reasoning, n_drafted, n_accepted, queued_ms,
               prefill_ms, decode_ms, load_ms] = u;
  return std::tie(n_prompt, n_cached, n_completion, n_reasoning, n_drafted, n_accepted, queued_ms,
                  prefill_ms, decode_ms, load_ms);
}

auto members(const ToolCallDelta& call) {
  const auto& [index, id, name, arguments] = call;
  return std::tie(index, id, name, arguments);
}

auto members(const Load& load) {
  const auto& [name, file, n_ctx, n_sequences, max_batch, n_threads, cache_k, cache_v,
               deterministic, reference, memory_bytes] = load;
  return std::tie(name, file, n_ctx, n_sequences, max_batch, n_threads, cache_k, cache_v,
                  deterministic, reference, memory_bytes);
}

auto members(const os::SandboxFacts& facts) {
  const auto& [landlock_abi, files, network, signals, calls, opens, unprivileged, missing] = facts;
  return std::tie(landlock_abi, files, network, signals, calls, opens, unprivileged, missing);
}

// Without tool_calls, logprobs, usage and error, which are compared on their own.
auto members(const Event& e) {
  const auto& [id, kind, i_answer, text, reasoning, tool_calls, tokens, logprobs, logprob_texts,
               finish_reason, stopped_by, result, usage, warnings, error, retry_after_s] = e;
  return std::tie(id, kind, i_answer, text, reasoning, tokens, logprob_texts, finish_reason,
                  stopped_by, result, warnings, retry_after_s);
}

auto members(const Loaded& l) {
  const auto& [arch, backend, n_ctx, n_sequences, n_vocab, encoder, file_bytes, kv_bytes,
               scratch_bytes, load_ms, model, warnings, sandbox] = l;
  return std::tie(arch, backend, n_ctx, n_sequences, n_vocab, encoder, file_bytes, kv_bytes,
                  scratch_bytes, load_ms, model, warnings);
}

// That each member of the filled value is another than a fresh one has: else the round trip would
// not show a member that is lost.
template <class Tuple>
void expect_all_differ(const Tuple& filled, const Tuple& fresh) {
  const auto compare = [&]<size_t... i>(std::index_sequence<i...>) {
    return std::array{(std::get<i>(filled) != std::get<i>(fresh))...};
  };
  const auto differs = compare(std::make_index_sequence<std::tuple_size_v<Tuple>>());
  for (size_t i = 0; i < differs.size(); ++i) EXPECT_TRUE(differs[i]) << "member " << i;
}

TEST(Protocol, every_member_of_a_job_arrives) {
  const Job job = test::full_job();
  expect_all_differ(members(job), members(Job{}));
  EXPECT_EQ(members(round_trip(job)), members(job));
  EXPECT_EQ(members(round_trip(Job{})), members(Job{}));
}

TEST(Protocol, every_member_of_an_event_arrives) {
  const Event event = test::full_event();
  expect_all_differ(members(event), members(Event{}));
  expect_all_differ(members(event.usage), members(Usage{}));
  const Event back = round_trip(event);
  EXPECT_EQ(members(back), members(event));
  EXPECT_EQ(members(back.usage), members(event.usage));
  ASSERT_EQ(back.tool_calls.size(), event.tool_calls.size());
  for (size_t i = 0; i < back.tool_calls.size(); ++i) {
    EXPECT_EQ(members(back.tool_calls[i]), members(event.tool_calls[i]));
  }
  ASSERT_EQ(back.logprobs.size(), event.logprobs.size());
  for (size_t i = 0; i < back.logprobs.size(); ++i) {
    EXPECT_EQ(back.logprobs[i].chosen, event.logprobs[i].chosen);
    EXPECT_EQ(back.logprobs[i].top, event.logprobs[i].top);
  }
  EXPECT_EQ(back.error.code, event.error.code);
  EXPECT_EQ(back.error.message, event.error.message);
  EXPECT_EQ(back.error.hint, event.error.hint);
}

TEST(Protocol, every_member_of_the_control_messages_arrives) {
  const Load load = test::full_load();
  expect_all_differ(members(load), members(Load{}));
  EXPECT_EQ(members(round_trip(load)), members(load));

  const Loaded loaded = test::full_loaded();
  expect_all_differ(members(loaded), members(Loaded{}));
  expect_all_differ(members(loaded.sandbox), members(os::SandboxFacts{}));
  const Loaded back = round_trip(loaded);
  EXPECT_EQ(members(back), members(loaded));
  EXPECT_EQ(members(back.sandbox), members(loaded.sandbox));

  EXPECT_EQ(round_trip(Refused{{ErrorCode::kCorrupt, "why", "what next"}}).error.hint, "what next");
  EXPECT_EQ(round_trip(Cancel{7}).id, 7u);
  EXPECT_EQ(round_trip(Park{8, true}).id, 8u);
  EXPECT_TRUE(round_trip(Park{8, true}).parked);
  EXPECT_EQ(round_trip(StatsRequest{9}).id, 9u);
  EXPECT_EQ(round_trip(Stats{9, 10, {{"n", 1}}}).jobs.dump(), R"({"n":1})");
  EXPECT_EQ(round_trip(Stats{9, 10, {}}).n_steps, 10u);
  EXPECT_EQ(round_trip(Heartbeat{11, true}).n_steps, 11u);
  EXPECT_TRUE(round_trip(Heartbeat{11, true}).busy);
  round_trip(Shutdown{});
}

TEST(Protocol, every_value_of_the_enums_arrives) {
  for (int i = 0; i <= static_cast<int>(JobKind::kCount); ++i) {
    EXPECT_EQ(round_trip(Job{.kind = static_cast<JobKind>(i)}).kind, static_cast<JobKind>(i));
  }
  for (int i = 0; i <= static_cast<int>(EventKind::kError); ++i) {
    EXPECT_EQ(round_trip(Event{.kind = static_cast<EventKind>(i)}).kind, static_cast<EventKind>(i));
  }
  for (int i = 0; i <= static_cast<int>(Shape::kGrammar); ++i) {
    EXPECT_EQ(round_trip(Job{.shape = static_cast<Shape>(i)}).shape, static_cast<Shape>(i));
  }
  for (int i = 0; i <= static_cast<int>(ToolChoice::kNamed); ++i) {
    const auto choice = static_cast<ToolChoice>(i);
    EXPECT_EQ(round_trip(Job{.tool_choice = choice}).tool_choice, choice);
  }
  for (int i = 0; i <= static_cast<int>(Thinking::kOff); ++i) {
    const auto thinking = static_cast<Thinking>(i);
    EXPECT_EQ(round_trip(Job{.thinking = thinking}).thinking, thinking);
  }
  // The names of error codes are those that the rest of hearth uses.
  for (int i = 0; i <= static_cast<int>(ErrorCode::kInternal); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    const auto json = parse_json(payload_of(Refused{{code, "", ""}}));
    EXPECT_EQ(json["error"]["code"], std::string(error_code_name(code)));
    EXPECT_EQ(round_trip(Refused{{code, "", ""}}).error.code, code);
  }
}

TEST(Protocol, numbers_keep_their_value_to_the_last_bit_and_the_infinite_ones_too) {
  Job job;
  job.id = std::numeric_limits<uint64_t>::max();
  job.max_tokens = std::numeric_limits<int64_t>::min();
  job.sampler.seed = std::numeric_limits<int64_t>::max();
  job.sampler.temperature = 0.1 + 0.2;
  job.sampler.logit_bias = {{1, -std::numeric_limits<double>::infinity()}, {2, 5e-324}};
  job.tokens = {std::numeric_limits<int32_t>::max(), std::numeric_limits<int32_t>::min()};
  EXPECT_EQ(members(round_trip(job)), members(job));
  Event event;
  event.usage.queued_ms = std::numeric_limits<double>::quiet_NaN();
  event.usage.decode_ms = std::numeric_limits<double>::infinity();
  const Event back = round_trip(event);
  EXPECT_TRUE(std::isnan(back.usage.queued_ms));
  EXPECT_EQ(back.usage.decode_ms, std::numeric_limits<double>::infinity());
}

TEST(Protocol, bytes_that_are_not_utf8_are_replaced_and_never_thrown) {
  const Event back = round_trip(Event{.text = "a\xff\xe2\x82", .reasoning = std::string("\0x", 2)});
  EXPECT_EQ(back.text, "a\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(back.reasoning, std::string("\0x", 2));
}

TEST(Protocol, a_member_that_is_missing_unknown_or_of_another_type_is_an_error_that_names_it) {
  for (const Message& message : some_messages()) {
    const auto json = parse_ordered_json(payload_of(message));
    for (const auto& [name, value] : json.items()) {
      auto without = json;
      without.erase(name);
      EXPECT_FALSE(decode(without.dump())) << name;
      if (value.is_structured() || value.is_null()) continue;
      auto wrong = json;
      wrong[name] = nlohmann::ordered_json::array({1});
      const auto refused = decode(wrong.dump());
      EXPECT_FALSE(refused) << name;
      if (name != "result" && name != "type") {
        EXPECT_NE(refused.error().message.find(name), std::string::npos) << refused.error().message;
      }
    }
    auto with = json;
    with["more"] = 1;
    EXPECT_FALSE(decode(with.dump()));
  }
}

TEST(Protocol, numbers_out_of_range_and_lists_that_are_too_long_are_refused) {
  const auto json = parse_ordered_json(payload_of(Job{}));
  const auto refused = [&](const char* name, const char* value) {
    auto changed = json;
    changed[name] = parse_ordered_json(value);
    return !decode(changed.dump());
  };
  EXPECT_TRUE(refused("id", "-1"));
  EXPECT_TRUE(refused("id", "1.0"));
  EXPECT_TRUE(refused("n", "2147483648"));
  EXPECT_TRUE(refused("n", "-2147483649"));
  EXPECT_TRUE(refused("max_tokens", "9223372036854775808"));
  EXPECT_TRUE(refused("tokens", "[1,4294967296]"));
  EXPECT_TRUE(refused("kind", "\"dance\""));
  EXPECT_FALSE(refused("n", "2147483647"));
  Job job;
  job.owner.assign(5000, 'x');
  EXPECT_FALSE(decode(payload_of(job)));
  job.owner.clear();
  job.stop.assign(70000, "x");
  EXPECT_FALSE(decode(payload_of(job)));
}

TEST(Protocol, another_version_is_refused_before_anything_else_is_looked_at) {
  auto json = parse_ordered_json(payload_of(Load{}));
  json["version"] = kProtocolVersion + 1;
  json["added_later"] = true;
  const auto refused = decode(json.dump());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
}

TEST(Protocol, a_message_longer_than_a_frame_or_nested_too_deep_is_not_sent) {
  const auto too_long = encode(Event{.text = std::string(kMaxFrameBytes, 'x')});
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().code, ErrorCode::kLimit);

  Job job;
  for (int i = 0; i < 100; ++i) job.messages = nlohmann::ordered_json::array({job.messages});
  EXPECT_TRUE(decode(payload_of(job)));
  for (int i = 0; i < 100; ++i) job.messages = nlohmann::ordered_json::array({job.messages});
  EXPECT_FALSE(encode(job));
}

TEST(Protocol, no_prefix_of_a_payload_is_a_message) {
  for (const Message& message : some_messages()) {
    const std::string payload = payload_of(message);
    for (size_t n = 0; n < payload.size(); ++n) {
      ASSERT_FALSE(decode(std::string_view(payload).substr(0, n))) << n << " of " << payload;
    }
  }
}

TEST(Protocol, flipped_bytes_give_an_error_or_a_message_that_can_be_written_again) {
  for (const Message& message : some_messages()) {
    const std::string payload = payload_of(message);
    for (size_t i = 0; i < payload.size(); ++i) {
      for (const unsigned bit : {0x01u, 0x08u, 0x20u, 0x80u}) {
        std::string changed = payload;
        changed[i] = static_cast<char>(static_cast<unsigned char>(changed[i]) ^ bit);
        const auto read = decode(changed);
        if (!read) {
          ASSERT_FALSE(read.error().message.empty());
        } else {
          ASSERT_TRUE(encode(*read));
        }
      }
    }
  }
}

TEST(Protocol, the_seeds_of_the_fuzzer_are_messages) {
  size_t n_messages = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(test::source_dir() + "/tests/fuzz/corpus/ipc")) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string payload{std::istreambuf_iterator<char>(in), {}};
    const auto message = decode(payload);
    EXPECT_TRUE(message) << entry.path() << ": " << message.error().message;
    ++n_messages;
  }
  EXPECT_EQ(n_messages, std::variant_size_v<Message>);
}

TEST(FrameBuffer, frames_come_out_whole_however_the_bytes_are_cut) {
  std::string stream;
  std::vector<std::string> payloads;
  for (const Message& message : some_messages()) {
    stream += frame_of(message);
    payloads.push_back(payload_of(message));
  }
  for (const size_t step : {size_t{1}, size_t{3}, size_t{4}, size_t{100}, stream.size()}) {
    FrameBuffer frames;
    std::vector<std::string> got;
    for (size_t at = 0; at < stream.size(); at += step) {
      frames.append(std::string_view(stream).substr(at, step));
      while (true) {
        const auto payload = frames.next();
        ASSERT_TRUE(payload);
        if (!*payload) break;
        got.emplace_back(**payload);
      }
    }
    EXPECT_EQ(got, payloads) << "in pieces of " << step;
  }
}

TEST(FrameBuffer, a_length_of_nothing_or_beyond_the_bound_is_refused_at_once) {
  for (const uint32_t length : {uint32_t{0}, static_cast<uint32_t>(kMaxFrameBytes + 1),
                                std::numeric_limits<uint32_t>::max()}) {
    std::string head(kFrameHeadBytes, '\0');
    std::memcpy(head.data(), &length, sizeof length);
    FrameBuffer frames;
    frames.append(head);
    EXPECT_FALSE(frames.next()) << length;
  }
}

}  // namespace
}  // namespace hearth::engine
