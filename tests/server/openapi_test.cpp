// SPDX-License-Identifier: MIT
// docs/openapi.yaml is what the server says of itself. After a route changed, write it anew:
// HEARTH_WRITE_OPENAPI=1 test_server --gtest_filter='OpenApi*'
#include "server/openapi.h"

#include <gtest/gtest.h>

#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "server/routes.h"
#include "tests/support/paths.h"

namespace hearth::server {
namespace {

TEST(OpenApi, the_document_in_docs_is_the_route_table) {
  const auto file = std::filesystem::path(test::source_dir()) / "docs/openapi.yaml";
  const std::string text =
      "# Made from the route table; tests/server/openapi_test.cpp writes it.\n" +
      yaml_text(openapi_document());
  if (std::getenv("HEARTH_WRITE_OPENAPI") != nullptr) std::ofstream(file) << text;
  std::ifstream in(file);
  std::stringstream there;
  there << in.rdbuf();
  EXPECT_TRUE(there.str() == text) << file << " is not what the server does; write it anew";
}

TEST(OpenApi, every_route_and_field_is_in_it_and_nothing_else) {
  const Json document = openapi_document();
  size_t n_operations = 0;
  for (const auto& [path, operations] : document["paths"].items())
    n_operations += operations.size();
  EXPECT_EQ(n_operations, all_routes().size());
  for (const Route& route : all_routes()) {
    std::string path(route.pattern);
    if (const size_t dots = path.find("...}"); dots != std::string::npos) path.erase(dots, 3);
    std::string method(route.method);
    for (char& c : method) c = static_cast<char>(std::tolower(c));
    ASSERT_TRUE(document["paths"].contains(path)) << path;
    const Json& operation = document["paths"][path][method];
    ASSERT_TRUE(operation.is_object()) << path;
    EXPECT_EQ(operation.contains("requestBody"), route.body_bytes > 0) << path;
    if (route.body_bytes == 0) continue;
    const Json& properties =
        operation["requestBody"]["content"]["application/json"]["schema"]["properties"];
    EXPECT_EQ(properties.size(), route.fields().size()) << path << ": a field stands twice?";
  }
}

TEST(OpenApi, answers_name_their_members_and_a_path_with_a_parameter_may_be_wrong) {
  const Json paths = openapi_document()["paths"];
  const Json& model = paths["/v1/models/{model}"]["get"]["responses"];
  EXPECT_TRUE(model.contains("400"));
  EXPECT_FALSE(paths["/api/tags"]["get"]["responses"].contains("400"));
  EXPECT_EQ(model["200"]["content"]["application/json"]["schema"]["required"], Json({"id"}))
      << "OpenAI's and Anthropic's have no other member in common";
  // Streams have a kind, but no schema: an event is none of the document's types.
  const Json& chat = paths["/v1/chat/completions"]["post"]["responses"]["200"]["content"];
  EXPECT_EQ(chat["text/event-stream"], Json::object());
  size_t n_described = 0;
  for (const auto& [path, operations] : paths.items()) {
    for (const auto& [method, operation] : operations.items()) {
      const Json answers = operation["responses"];
      if (!answers.contains("200")) continue;  // refused
      n_described += answers["200"]["content"].contains("application/json") &&
                     answers["200"]["content"]["application/json"].contains("schema");
    }
  }
  EXPECT_EQ(n_described, 25u) << "a row of the table names no route";
}

TEST(OpenApi, yaml_keeps_what_json_says) {
  const Json value = {{"a", {1, Json::object(), {{"b", "c: \"d\"\n"}}}}, {"e", Json::array()}};
  EXPECT_EQ(yaml_text(value),
            "\"a\":\n  - 1\n  - {}\n  -\n    \"b\": \"c: \\\"d\\\"\\n\"\n\"e\": []\n");
}

}  // namespace
}  // namespace hearth::server
