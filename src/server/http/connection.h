// SPDX-License-Identifier: MIT
// One connection of the HTTP server: reads requests one after the other, has each answered before
// it looks at the next, watches for the client's going while it answers, and keeps the deadlines.
// Included by the server's two files only (Asio compiles slowly). Thread rule: the loop's thread.
#pragma once
#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "server/http/chunked.h"
#include "server/http/http_server.h"
#include "server/http/request_parser.h"

namespace hearth::http {

class Connection;

// What all connections share; outlives them.
struct Service {
  ServerOptions options;
  HttpServer::Gate gate;
  HttpServer::Handler handler;
  HttpServer::FaultPage fault_page;
  bool stopping = false;
  size_t body_bytes = 0;  // of bodies being read
  ServerLoads loads;
  std::function<void(Connection&)> closed;
};

class Connection final : public Transport, public std::enable_shared_from_this<Connection> {
 public:
  using Socket = boost::asio::ip::tcp::socket;

  Connection(Socket socket, Service& service, Peer peer);

  void begin();
  // The server stops: a connection without a request ends.
  void end_if_idle();
  // Its grace is over: the stream says its last words.
  void tell_stopping();
  void close();
  const Peer& peer() const { return peer_; }

  void send(Response response) override;
  void start(Response head) override;
  void write(std::string_view bytes) override;
  void finish() override;

 private:
  enum class State { kIdle, kHead, kBody, kAnswering, kLingering, kClosed };

  void read();
  void on_read(size_t n_bytes);
  void on_end_of_input();
  void advance();
  void take_head();
  void begin_request(RequestHead head);
  void begin_body(const Admission& admission);
  void take_body();
  void grow_body(size_t n_before);
  void dispatch();
  void refuse(const Fault& fault);
  void answer(Response response);
  void answered();
  void flush();
  void on_written(size_t n_bytes);
  void check_full();
  void bound_stall();
  void drop();
  void bound(std::chrono::milliseconds time);
  void unbound();
  void on_deadline();
  void release_body();
  void release_buffers();
  size_t n_unsent() const { return flight_.size() - n_flown_ + pending_.size(); }
  std::chrono::milliseconds time_for(std::chrono::milliseconds base, uint64_t n_bytes) const;

  Socket socket_;
  boost::asio::steady_timer timer_;
  Service& service_;
  Peer peer_;
  State state_ = State::kIdle;

  bool has_deadline_ = false;

  std::array<char, 16u << 10> chunk_;  // of the read under way
  bool reading_ = false;
  bool end_of_input_ = false;
  std::string input_;  // not looked at yet
  size_t n_discarded_ = 0;

  HeadScanner scanner_;
  RequestHead head_;
  std::string body_;
  uint64_t max_body_bytes_ = 0;
  std::optional<ChunkedDecoder> chunked_;
  Clock::time_point body_began_;

  std::shared_ptr<Exchange> exchange_;
  bool is_chunked_ = false;  // the stream that is sent
  bool is_stream_ = false;
  bool is_complete_ = false;  // the whole answer is in the buffers
  bool close_after_ = false;
  bool is_full_ = false;

  std::string flight_, pending_;  // being written; to be written next
  size_t n_flown_ = 0;            // of flight_
  bool writing_ = false;
};

}  // namespace hearth::http
