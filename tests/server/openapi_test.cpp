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

TEST(OpenApi, yaml_keeps_what_json_says) {
  const Json value = {{"a", {1, Json::object(), {{"b", "c: \"d\"\n"}}}}, {"e", Json::array()}};
  EXPECT_EQ(yaml_text(value),
            "\"a\":\n  - 1\n  - {}\n  -\n    \"b\": \"c: \\\"d\\\"\\n\"\n\"e\": []\n");
}

}  // namespace
}  // namespace hearth::server
