// SPDX-License-Identifier: MIT
#include "cli/ask_server.h"

#include "base/env.h"
#include "base/json.h"
#include "cli/output.h"
#include "cli/serve_options.h"

namespace hearth::cli {

Result<nlohmann::json> ask_running_server(std::string_view method, std::string_view path,
                                          const nlohmann::json& body,
                                          std::chrono::milliseconds patience) {
  TRY_LET(const http::ServerAddress address, running_server(env));
  const std::string text = body.is_null() ? "" : json_text(body);
  auto answer = http::ask_server(address, method, path, text, patience);
  if (!answer) {
    return with_hint(Failure(answer.error()),
                     "start one with: hearth serve; HEARTH_HOST and HEARTH_PORT say where it is");
  }
  nlohmann::json json = parse_json(answer->body);
  if (answer->status == 200 && !json.is_discarded()) return json;
  std::string said;
  if (json.is_object() && json.contains("error") && json["error"].is_string())
    said = json["error"].get<std::string>();
  if (said.empty()) said = fmt::format("the server answered with status {}", answer->status);
  return Failure(Error{ErrorCode::kInvalid, printable(said), {}});
}

}  // namespace hearth::cli
