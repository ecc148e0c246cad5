// SPDX-License-Identifier: MIT
#include "server/http/client.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <charconv>

#include "server/http/chunked.h"

namespace hearth::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr size_t kMaxAnswer = 64u << 20;

std::string request_text(const ServerAddress& server, std::string_view method,
                         std::string_view path, std::string_view body) {
  const bool v6 = server.host.find(':') != std::string::npos;
  std::string text =
      fmt::format("{} {} HTTP/1.1\r\nHost: {}{}{}:{}\r\nConnection: close\r\n", method, path,
                  v6 ? "[" : "", server.host, v6 ? "]" : "", server.port);
  if (!server.key.empty()) text += fmt::format("Authorization: Bearer {}\r\n", server.key);
  if (!body.empty())
    text += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", body.size());
  return text + "\r\n" + std::string(body);
}

Result<Answer> parse_answer(std::string_view text) {
  const size_t end = text.find("\r\n\r\n");
  Answer answer;
  if (!text.starts_with("HTTP/1.") || text.size() < 12 || end == std::string_view::npos)
    return corrupt("what answers there is no HTTP server");
  std::from_chars(text.data() + 9, text.data() + 12, answer.status);
  const std::string_view head = text.substr(0, end);
  const std::string_view rest = text.substr(end + 4);
  if (head.find("\r\nTransfer-Encoding: chunked") == std::string_view::npos) {
    answer.body = rest;
    return answer;
  }
  ChunkedDecoder decoder(kMaxAnswer);
  decoder.feed(rest, answer.body);
  if (!decoder.done()) return corrupt("the answer ends in its middle");
  return answer;
}

}  // namespace

Result<Answer> ask_server(const ServerAddress& server, std::string_view method,
                          std::string_view path, std::string_view body,
                          std::chrono::milliseconds patience) {
  boost::system::error_code failed;
  const auto address = asio::ip::make_address(server.host, failed);
  if (failed) return invalid("'{}' is not a numeric address", server.host);
  asio::io_context io;
  tcp::socket socket(io);
  const std::string request = request_text(server, method, path, body);
  std::string answer;
  bool connected = false;
  // Each step begins the next one; the loop below runs until the last is done or time is up.
  socket.async_connect({address, server.port}, [&](const auto& error) {
    failed = error;
    if (error) return;
    connected = true;
    asio::async_write(socket, asio::buffer(request), [&](const auto& written, size_t) {
      failed = written;
      if (written) return;
      asio::async_read(socket, asio::dynamic_buffer(answer, kMaxAnswer),
                       [&](const auto& read, size_t) { failed = read; });
    });
  });
  io.run_for(patience);
  if (!connected) return io_error("nobody answers at {} port {}", server.host, server.port);
  if (!io.stopped()) return interrupted("no answer within {} s", patience.count() / 1000);
  if (failed && failed != asio::error::eof) return io_error("{}", failed.message());
  return parse_answer(answer);
}

}  // namespace hearth::http
