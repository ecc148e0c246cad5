// SPDX-License-Identifier: MIT
// Who may ask: every form of Host and Origin, and every route with every identity, in every header.
// The matrices come from the route table, so a new route is in them by itself (RELIABILITY P16).
#include "server/security.h"

#include <gtest/gtest.h>

#include "tests/server/running_server.h"

namespace hearth::server {
namespace {

using http::body_of;
using http::RawClient;
using http::status_of_answer;

http::RequestHead head_with(std::string name, std::string value) {
  http::RequestHead head;
  head.headers.push_back({std::move(name), std::move(value)});
  return head;
}

int host_status(const std::string& host, const http::Peer& peer,
                const SecurityOptions& options = {}) {
  const auto fault = check_host(head_with("host", host), peer, options);
  return fault ? fault->status : 200;
}

const http::Peer kLocal{"127.0.0.1", "127.0.0.1", 4327, true};
const http::Peer kOutside{"192.168.1.7", "192.168.1.5", 4327, false};

TEST(Host, only_the_names_of_this_machine_with_its_port_are_answered_on_loopback) {
  for (const char* good : {"127.0.0.1:4327", "localhost:4327", "LOCALHOST:4327", "[::1]:4327"})
    EXPECT_EQ(host_status(good, kLocal), 200) << good;
  for (const char* bad : {"",
                          " ",
                          "127.0.0.1",
                          "localhost",
                          "127.0.0.1:80",
                          "127.0.0.1:4328",
                          "127.0.0.1:04327",
                          "127.0.0.1:+4327",
                          "127.0.0.1:4327 ",
                          "127.0.0.1:",
                          "127.0.0.1:4327:4327",
                          ":4327",
                          "evil.test",
                          "evil.test:4327",
                          "127.0.0.1.evil.test:4327",
                          "localhost.evil.test:4327",
                          "evil.test#localhost:4327",
                          "evil.test@localhost:4327",
                          "localhost@evil.test:4327",
                          "localhost:4327/",
                          "localhost:4327?",
                          "localhost:4327#",
                          "localhost.:4327",
                          "localhost%2e:4327",
                          "localhost%00:4327",
                          "0.0.0.0:4327",
                          "[::]:4327",
                          "[::1",
                          "::1:4327",
                          "[::1]4327",
                          "[::1]:",
                          "[::ffff:127.0.0.1]:4327",
                          "[::1%lo]:4327",
                          "[localhost]:4327",
                          "127.1:4327",
                          "2130706433:4327",
                          "0x7f000001:4327",
                          "0177.0.0.1:4327",
                          "127.0.0.2:4327",
                          "192.168.1.5:4327",
                          "host.docker.internal:4327",
                          "hearth.local:4327",
                          "local:4327",
                          "localhost,evil.test:4327",
                          "localhost evil.test:4327",
                          "http://localhost:4327",
                          "localhost:4327, localhost:4327",
                          "\xE2\x93\x9Bocalhost:4327",
                          "xn--localhost:4327",
                          "localhost:99999",
                          "localhost:65536",
                          "localhost:0",
                          "localhost:4327x",
                          "*:4327",
                          "*",
                          "localhost:0x10e7",
                          "LOCALHOST.:4327",
                          "127.0.0.1:4327\t"})
    EXPECT_EQ(host_status(bad, kLocal), 421) << bad;
  EXPECT_EQ(host_status(std::string(300, 'a') + ":4327", kLocal), 421);
}

TEST(Host, from_outside_the_own_address_and_configured_names_are_answered) {
  SecurityOptions options;
  options.host_names = {"chat.example"};
  EXPECT_EQ(host_status("192.168.1.5:4327", kOutside, options), 200);
  EXPECT_EQ(host_status("chat.example", kOutside, options), 200);
  EXPECT_EQ(host_status("chat.example:443", kOutside, options), 200);
  for (const char* bad : {"localhost:4327", "127.0.0.1:4327", "192.168.1.6:4327", "192.168.1.5",
                          "a.chat.example", "chat.example.evil.test", "hearth.local:4327"})
    EXPECT_EQ(host_status(bad, kOutside, options), 421) << bad;
  EXPECT_TRUE(check_host(http::RequestHead{}, kOutside, options));
}

TEST(Origin, pages_of_other_origins_are_refused_in_every_form) {
  SecurityOptions options;
  options.allowed_origins = {"https://chat.example:8443"};
  const auto status = [&](const std::string& origin) {
    http::RequestHead head = head_with("host", "127.0.0.1:4327");
    head.headers.push_back({"origin", origin});
    const auto fault = check_origin(head, options);
    return fault ? fault->status : 200;
  };
  EXPECT_EQ(status("http://127.0.0.1:4327"), 200);
  EXPECT_EQ(status("https://chat.example:8443"), 200);
  for (const char* bad : {"null",
                          "",
                          "*",
                          "http://127.0.0.1",
                          "https://127.0.0.1:4327",
                          "http://127.0.0.1:4328",
                          "http://localhost:4327",
                          "http://127.0.0.1:4327.evil.test",
                          "http://127.0.0.1:43270",
                          "http://evil.test",
                          "http://127.0.0.1:4327/",
                          "http://127.0.0.1:4327@evil.test",
                          "file://",
                          "chrome-extension://abc",
                          "moz-extension://abc",
                          "app://obsidian.md",
                          "https://chat.example",
                          "http://chat.example:8443",
                          "https://chat.example:8443.evil.test",
                          "https://evil.chat.example:8443",
                          "https://chat.example:84430",
                          "HTTPS://CHAT.EXAMPLE:8443",
                          "https://chat.example:8443/",
                          "https://chat.example:8443 https://evil.test",
                          "data:",
                          "blob:http://127.0.0.1:4327",
                          "http://127.0.0.1:4327#",
                          "javascript:0",
                          "about:blank"})
    EXPECT_EQ(status(bad), 403) << bad;
}

TEST(Origin, what_the_browser_says_of_the_site_counts_without_an_origin_too) {
  const auto status = [](const char* site) {
    const auto fault = check_origin(head_with("sec-fetch-site", site), {});
    return fault ? fault->status : 200;
  };
  EXPECT_EQ(status("same-origin"), 200);
  EXPECT_EQ(status("none"), 200);
  EXPECT_EQ(status("same-site"), 403);
  EXPECT_EQ(status("cross-site"), 403);
  EXPECT_EQ(status("nonsense"), 403);
}

std::string path_of(const Route& route) {
  std::string path(route.pattern);
  const size_t open = path.find('{');
  if (open == std::string::npos) return path;
  return path.substr(0, open) + "toy" + path.substr(path.find('}') + 1);
}

std::string body_for(const Route& route) { return route.body_bytes > 0 ? "{}" : ""; }

TEST(RouteTable, every_route_is_refused_to_a_wrong_host_and_a_foreign_page) {
  RunningServer server;
  const NewKey admin = *server.keys.add("admin", true, true);
  const std::string key = "Authorization: Bearer " + admin.text + "\r\n";
  for (const Route& route : all_routes()) {
    const std::string path = path_of(route);
    RawClient client(server.port);
    client.send(std::string(route.method) + " " + path + " HTTP/1.1\r\nHost: evil.test\r\n" + key +
                "Connection: close\r\n\r\n");
    EXPECT_EQ(status_of_answer(client.read_all()), 421) << path;
    for (const char* page : {"Origin: http://evil.test\r\n", "Origin: null\r\n",
                             "Sec-Fetch-Site: cross-site\r\n", "Sec-Fetch-Site: same-site\r\n"}) {
      const std::string answer = server.ask(route.method, path, body_for(route), key + page);
      EXPECT_EQ(status_of_answer(answer), 403) << path << " " << page;
      EXPECT_EQ(answer.find("Access-Control"), std::string::npos) << path;
    }
  }
}

TEST(RouteTable, every_route_answers_each_identity_as_it_declares_in_every_header) {
  for (const bool open : {false, true}) {
    AppOptions options;
    options.open_inference = open;
    RunningServer server(RunningServer::patient(), options);
    server.models.script = [](const engine::Job&) {
      return std::vector{failed({ErrorCode::kNotFound, "no such model", {}})};
    };
    const NewKey user = *server.keys.add("user", true, false);
    const NewKey admin = *server.keys.add("admin", false, true);
    const NewKey both = *server.keys.add("both", true, true);
    const NewKey none = *server.keys.add("none", false, false);
    const NewKey gone = *server.keys.add("gone", true, true);
    ASSERT_TRUE(server.keys.revoke("gone"));
    struct Identity {
      std::string key;
      bool known, inference, admin;
    };
    const std::vector<Identity> identities = {{"", false, false, false},
                                              {"sk-anything", false, false, false},
                                              {gone.text, false, false, false},
                                              {none.text, true, false, false},
                                              {user.text, true, true, false},
                                              {admin.text, true, false, true},
                                              {both.text, true, true, true},
                                              {both.text + "x", false, false, false},
                                              {both.key.sha256, false, false, false}};
    size_t n_cells = 0;
    for (const Route& route : all_routes()) {
      for (const Identity& who : identities) {
        for (const std::string form : {"Authorization: Bearer ", "authorization: bearer ",
                                       "AUTHORIZATION: BEARER ", "x-api-key: ", "X-API-Key: "}) {
          const bool may =
              route.permission == Permission::kOpen ||
              (route.permission == Permission::kInference && (open || who.inference)) ||
              (route.permission == Permission::kAdmin && who.admin);
          const std::string headers = who.key.empty() ? "" : form + who.key + "\r\n";
          const int status =
              status_of_answer(server.ask(route.method, path_of(route), body_for(route), headers));
          ++n_cells;
          if (may) {
            EXPECT_TRUE(status != 0 && status != 401 && status != 403)
                << route.pattern << " " << form << who.key << ": " << status;
          } else {
            EXPECT_EQ(status, who.known ? 403 : 401) << route.pattern << " " << form << who.key;
          }
        }
      }
    }
    RecordProperty(open ? "cells_open" : "cells_closed", static_cast<int>(n_cells));
  }
}

TEST(RouteTable, two_different_keys_at_once_are_none) {
  RunningServer server;
  const NewKey user = *server.keys.add("user", true, false);
  const std::string headers = "Authorization: Bearer " + user.text + "\r\nx-api-key: other\r\n";
  EXPECT_EQ(status_of_answer(server.ask("GET", "/v1/models", {}, headers)), 401);
}

TEST(RouteTable, every_path_refuses_the_methods_it_has_not_and_names_those_it_has) {
  RunningServer server;
  for (const Route& route : all_routes()) {
    const std::string path = path_of(route);
    for (const char* method : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"}) {
      const Match match = match_route(all_routes(), method, path);
      if (match.route != nullptr) continue;
      const std::string answer = server.ask(method, path);
      EXPECT_EQ(status_of_answer(answer), 405) << method << " " << path;
      EXPECT_NE(answer.find("Allow: " + match.allow), std::string::npos) << answer;
    }
    const std::string options = server.ask("OPTIONS", path);
    EXPECT_EQ(status_of_answer(options), 204) << path;
    EXPECT_NE(options.find("Allow: "), std::string::npos) << path;
    EXPECT_EQ(options.find("Access-Control"), std::string::npos) << path;
  }
  EXPECT_EQ(status_of_answer(server.ask("GET", "/nothing/here")), 404);
  EXPECT_EQ(status_of_answer(server.ask("OPTIONS", "*")), 204);
}

TEST(RouteTable, head_is_get_without_its_body) {
  RunningServer server;
  for (const Route& route : all_routes()) {
    if (route.method != "GET") continue;
    const std::string answer = server.ask("HEAD", path_of(route));
    const int status = status_of_answer(server.ask("GET", path_of(route)));
    EXPECT_EQ(status_of_answer(answer), status) << route.pattern;
    EXPECT_EQ(body_of(answer), "") << route.pattern;
  }
}

TEST(RouteTable, bodies_above_a_routes_limit_are_refused_unread) {
  RunningServer server;
  const NewKey both = *server.keys.add("both", true, true);
  for (const Route& route : all_routes()) {
    RawClient client(server.port);
    client.send(std::string(route.method) + " " + path_of(route) + " HTTP/1.1\r\n" + server.host() +
                "x-api-key: " + both.text +
                "\r\nContent-Length: " + std::to_string(route.body_bytes + 1) + "\r\n\r\n");
    EXPECT_EQ(status_of_answer(client.read_all()), route.refusal.empty() ? 413 : 400)
        << route.pattern;
  }
}

TEST(RouteTable, every_answer_has_the_security_headers_and_no_cors) {
  RunningServer server;
  for (const Route& route : all_routes()) {
    const std::string answer = server.ask(route.method, path_of(route), body_for(route));
    for (const char* name : {"X-Content-Type-Options: nosniff", "Cross-Origin-Resource-Policy: ",
                             "Content-Security-Policy: ", "Referrer-Policy: "})
      EXPECT_NE(answer.find(name), std::string::npos) << route.pattern << " " << name;
    EXPECT_EQ(answer.find("Access-Control"), std::string::npos) << route.pattern;
  }
}

TEST(Cors, a_configured_origin_is_answered_by_name_and_no_other) {
  AppOptions options;
  options.security.allowed_origins = {"https://chat.example"};
  RunningServer server(RunningServer::patient(), options);
  const std::string answer =
      server.ask("GET", "/v1/models", {}, "Origin: https://chat.example\r\n");
  EXPECT_EQ(status_of_answer(answer), 200);
  EXPECT_NE(answer.find("Access-Control-Allow-Origin: https://chat.example\r\n"),
            std::string::npos);
  EXPECT_NE(answer.find("Vary: Origin"), std::string::npos);
  EXPECT_EQ(answer.find("Allow-Credentials"), std::string::npos);
  const std::string preflight =
      server.ask("OPTIONS", "/v1/chat/completions", {},
                 "Origin: https://chat.example\r\nAccess-Control-Request-Method: POST\r\n");
  EXPECT_EQ(status_of_answer(preflight), 204);
  EXPECT_NE(preflight.find("Access-Control-Allow-Methods: POST"), std::string::npos) << preflight;
}

}  // namespace
}  // namespace hearth::server
