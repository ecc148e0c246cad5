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
constexpr uint64_t kMaxStream = uint64_t{1} << 40;  // nothing of it is kept
constexpr size_t kMaxHead = 64u << 10;
constexpr std::chrono::milliseconds kMostDeaf{50};  // to `stop`

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

struct Head {
  int status = 0;
  bool is_chunked = false;
};

Result<Head> parse_answer_head(std::string_view head) {
  Head parsed;
  if (!head.starts_with("HTTP/1.") || head.size() < 12)
    return corrupt("what answers there is no HTTP server");
  std::from_chars(head.data() + 9, head.data() + 12, parsed.status);
  parsed.is_chunked = head.find("\r\nTransfer-Encoding: chunked") != std::string_view::npos;
  return parsed;
}

Result<Answer> parse_answer(std::string_view text) {
  const size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return corrupt("what answers there is no HTTP server");
  TRY_LET(const Head head, parse_answer_head(text.substr(0, end)));
  const std::string_view rest = text.substr(end + 4);
  Answer answer{.status = head.status, .body = {}};
  if (!head.is_chunked) {
    answer.body = rest;
    return answer;
  }
  ChunkedDecoder decoder(kMaxAnswer);
  decoder.feed(rest, answer.body);
  if (!decoder.done()) return corrupt("the answer ends in its middle");
  return answer;
}

// The bytes of one answer, in order, to whoever reads its body. With `Connection: close` the body
// ends with its last chunk, or with the connection.
class BodyReader {
 public:
  explicit BodyReader(OnBody on_body) : on_body_(on_body) {}

  // True where more is to come.
  Result<bool> feed(std::string_view bytes) {
    if (head_.status == 0) {
      text_ += bytes;
      const size_t end = text_.find("\r\n\r\n");
      if (end == std::string::npos) {
        if (text_.size() > kMaxHead) return corrupt("what answers there is no HTTP server");
        return true;
      }
      TRY_LET(head_, parse_answer_head(std::string_view(text_).substr(0, end)));
      const std::string rest = text_.substr(end + 4);
      return give(rest);
    }
    return give(bytes);
  }
  // The connection is over.
  Result<int> finish() const {
    if (head_.status == 0 || (head_.is_chunked && !decoder_.done()))
      return io_error("the answer ends in its middle");
    return head_.status;
  }

 private:
  Result<bool> give(std::string_view bytes) {
    text_.clear();
    if (head_.is_chunked) {
      decoder_.feed(bytes, text_);
      if (decoder_.fault()) return corrupt("{}", decoder_.fault()->reason);
      bytes = text_;
    }
    if (!bytes.empty() && !on_body_(head_.status, bytes)) return interrupted("interrupted");
    return !(head_.is_chunked && decoder_.done());
  }

  OnBody on_body_;
  Head head_;
  ChunkedDecoder decoder_{kMaxStream};
  std::string text_;
};

// Runs `io` until `done` is set.
Status wait_for(asio::io_context& io, const bool& done, const std::atomic<bool>& stop,
                std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!done) {
    if (stop) return interrupted("interrupted");
    if (std::chrono::steady_clock::now() >= deadline)
      return interrupted("no answer within {} s", patience.count() / 1000);
    io.restart();
    io.run_one_for(kMostDeaf);
  }
  return {};
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

Result<int> stream_from_server(const ServerAddress& server, std::string_view method,
                               std::string_view path, std::string_view body, OnBody on_body,
                               const std::atomic<bool>& stop, std::chrono::milliseconds patience) {
  boost::system::error_code failed;
  const auto address = asio::ip::make_address(server.host, failed);
  if (failed) return invalid("'{}' is not a numeric address", server.host);
  const std::string request = request_text(server, method, path, body);
  std::string bytes(16384, '\0');
  size_t n_read = 0;
  bool done = false;
  // Outlives nothing that its handlers use: what they name stands above.
  asio::io_context io;
  tcp::socket socket(io);
  const auto finished = [&](const boost::system::error_code& error, size_t n = 0) {
    failed = error;
    n_read = n;
    done = true;
  };
  socket.async_connect({address, server.port}, finished);
  TRY(wait_for(io, done, stop, patience));
  if (failed) return io_error("nobody answers at {} port {}", server.host, server.port);
  done = false;
  asio::async_write(socket, asio::buffer(request), finished);
  TRY(wait_for(io, done, stop, patience));
  BodyReader reader(on_body);
  while (!failed) {
    done = false;
    socket.async_read_some(asio::buffer(bytes), finished);
    TRY(wait_for(io, done, stop, patience));
    TRY_LET(const bool more, reader.feed(std::string_view(bytes).substr(0, n_read)));
    if (!more) break;
  }
  if (failed && failed != asio::error::eof) return io_error("{}", failed.message());
  return reader.finish();
}

}  // namespace hearth::http
