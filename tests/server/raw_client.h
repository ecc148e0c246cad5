// SPDX-License-Identifier: MIT
// A client that sends bytes as they are, right or wrong, and reads what comes back. One thread.
#pragma once
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace hearth::http {

// Only a fault takes so long, or a machine that is busy with something else.
inline constexpr int kPatienceMs = 30'000;

class RawClient {
 public:
  explicit RawClient(uint16_t port, std::string_view address = "127.0.0.1") : socket_(io_) {
    boost::system::error_code failed;
    socket_.connect({boost::asio::ip::make_address(std::string(address)), port}, failed);
    is_open_ = !failed;
  }

  bool is_open() const { return is_open_; }
  boost::asio::ip::tcp::socket& socket() { return socket_; }

  void send(std::string_view bytes) {
    boost::system::error_code ignored;
    boost::asio::write(socket_, boost::asio::buffer(bytes.data(), bytes.size()), ignored);
  }
  void end_sending() {
    boost::system::error_code ignored;
    socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
  }
  void close() {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

  // Reads until `wanted` has come, or the other side closed, or the time is over.
  std::string read_until(std::string_view wanted, int timeout_ms = kPatienceMs) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    while (input_.find(wanted) == std::string::npos && read_some(end)) {
    }
    const size_t found = input_.find(wanted);
    const size_t n = found == std::string::npos ? input_.size() : found + wanted.size();
    std::string text = input_.substr(0, n);
    input_.erase(0, n);
    return text;
  }

  // All until the other side closed.
  std::string read_all(int timeout_ms = kPatienceMs) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    while (read_some(end)) {
    }
    return std::exchange(input_, std::string());
  }

  // One answer with a Content-Length: its head and body.
  std::string read_answer(int timeout_ms = kPatienceMs) {
    std::string answer = read_until("\r\n\r\n", timeout_ms);
    const size_t at = answer.find("Content-Length: ");
    if (at == std::string::npos) return answer;
    const size_t n = std::strtoul(answer.c_str() + at + 16, nullptr, 10);
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    while (input_.size() < n && read_some(end)) {
    }
    answer += input_.substr(0, n);
    input_.erase(0, std::min(n, input_.size()));
    return answer;
  }

  bool closed_by_peer() const { return closed_; }

 private:
  bool read_some(std::chrono::steady_clock::time_point end) {
    if (closed_ || !is_open_) return false;
    char bytes[4096];
    size_t n_bytes = 0;
    bool complete = false;
    socket_.async_read_some(boost::asio::buffer(bytes), [&](const auto& error, size_t n) {
      complete = true;
      n_bytes = n;
      if (error && error != boost::asio::error::operation_aborted) closed_ = true;
    });
    io_.restart();
    io_.run_until(end);
    const bool in_time = complete;
    if (!in_time) {  // what comes just now still counts
      boost::system::error_code ignored;
      socket_.cancel(ignored);
      io_.restart();
      io_.run();
    }
    input_.append(bytes, n_bytes);
    return in_time && !closed_;
  }

  boost::asio::io_context io_;
  boost::asio::ip::tcp::socket socket_;
  bool is_open_ = false;
  bool closed_ = false;
  std::string input_;
};

// 0 where it is no answer.
inline int status_of_answer(std::string_view answer) {
  if (!answer.starts_with("HTTP/1.") || answer.size() < 12) return 0;
  return std::atoi(std::string(answer.substr(9, 3)).c_str());
}

inline std::string body_of(const std::string& answer) {
  const size_t at = answer.find("\r\n\r\n");
  return at == std::string::npos ? "" : answer.substr(at + 4);
}

}  // namespace hearth::http
