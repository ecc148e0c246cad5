// SPDX-License-Identifier: MIT
#include "cli/serve_options.h"

#include <gtest/gtest.h>

#include <map>

namespace hearth::cli {
namespace {

ReadEnv table(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const char* name) -> std::optional<std::string> {
    const auto found = values.find(name);
    if (found == values.end()) return {};
    return found->second;
  };
}

server::ServingOptions serving_of(ServeOptions options, std::map<std::string, std::string> env) {
  EXPECT_TRUE(options.read_env(table(std::move(env))));
  return *options.serving();
}

TEST(ServeOptions, without_anything_it_is_this_machine_and_the_own_port) {
  const auto serving = serving_of({}, {});
  EXPECT_EQ(serving.host, "localhost");
  EXPECT_EQ(serving.port, server::kDefaultPort);
  EXPECT_TRUE(serving.also.empty());
  EXPECT_FALSE(serving.app.default_wish.keep_alive_s);
}

TEST(ServeOptions, a_flag_wins_over_hearths_variables_and_those_over_ollamas) {
  ServeOptions flags;
  flags.port = 5000;
  const auto serving = serving_of(flags, {{"HEARTH_PORT", "6000"},
                                          {"HEARTH_HOST", "127.0.0.1"},
                                          {"OLLAMA_HOST", "0.0.0.0:7000"},
                                          {"HEARTH_KEEP_ALIVE", "1h"},
                                          {"OLLAMA_KEEP_ALIVE", "2h"}});
  EXPECT_EQ(serving.port, 5000);
  EXPECT_EQ(serving.host, "127.0.0.1");
  EXPECT_EQ(serving.app.default_wish.keep_alive_s, 3600);
}

TEST(ServeOptions, ollamas_variables_are_followed_where_hearths_are_not_set) {
  ServeOptions options;
  ASSERT_TRUE(options.read_env(table({{"OLLAMA_HOST", "http://0.0.0.0:7000/"},
                                      {"OLLAMA_KEEP_ALIVE", "-1"},
                                      {"OLLAMA_NUM_PARALLEL", "3"},
                                      {"OLLAMA_MAX_LOADED_MODELS", "2"},
                                      {"OLLAMA_CONTEXT_LENGTH", "8192"}})));
  EXPECT_EQ(options.n_parallel, 3);
  EXPECT_EQ(options.n_max_loaded, 2);
  const auto serving = *options.serving();
  EXPECT_EQ(serving.host, "0.0.0.0");
  EXPECT_EQ(serving.port, 7000);
  EXPECT_EQ(serving.app.default_wish.keep_alive_s, -1);
  EXPECT_EQ(serving.app.default_wish.n_ctx, 8192);
}

TEST(ServeOptions, the_forms_of_ollamas_host_are_read) {
  const auto read = [](const char* text) {
    const auto parsed = parse_ollama_host(text);
    return parsed ? parsed->host + " " + std::to_string(parsed->port) : "wrong";
  };
  EXPECT_EQ(read("127.0.0.1"), "127.0.0.1 11434");
  EXPECT_EQ(read("127.0.0.1:1234"), "127.0.0.1 1234");
  EXPECT_EQ(read(":1234"), "127.0.0.1 1234");
  EXPECT_EQ(read("http://box"), "box 80");
  EXPECT_EQ(read("https://box:5/path"), "box 5");
  EXPECT_EQ(read("[::1]:1234"), "::1 1234");
  EXPECT_EQ(read("::1"), "::1 11434");
  EXPECT_EQ(read("box:notaport"), "wrong");
  EXPECT_EQ(read("box:70000"), "wrong");
  EXPECT_EQ(read("[::1"), "wrong");
}

TEST(ServeOptions, ports_are_numbers_with_commas) {
  EXPECT_EQ(*parse_ports("11434,1234"), (std::vector<uint16_t>{11434, 1234}));
  EXPECT_TRUE(parse_ports("")->empty());
  for (const char* wrong : {"0", "65536", "a", "1;2", "-1", " 1"}) EXPECT_FALSE(parse_ports(wrong));
}

TEST(ServeOptions, wrong_numbers_in_the_environment_are_told) {
  for (const char* value : {"x", "-1", "1.5", "99999999999999999999"}) {
    ServeOptions options;
    const Status read = options.read_env(table({{"OLLAMA_NUM_PARALLEL", value}}));
    ASSERT_FALSE(read) << value;
    EXPECT_NE(read.error().message.find("OLLAMA_NUM_PARALLEL"), std::string::npos);
  }
}

TEST(ServeOptions, a_running_server_is_asked_at_this_machine_also_where_it_listens_everywhere) {
  EXPECT_EQ(running_server(table({{"HEARTH_HOST", "0.0.0.0"}}))->host, "127.0.0.1");
  EXPECT_EQ(running_server(table({}))->port, server::kDefaultPort);
  EXPECT_EQ(running_server(table({{"OLLAMA_HOST", "10.0.0.5:99"}}))->host, "10.0.0.5");
  EXPECT_EQ(running_server(table({{"HEARTH_API_KEY", "k"}}))->key, "k");
}

}  // namespace
}  // namespace hearth::cli
