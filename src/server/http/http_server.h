// SPDX-License-Identifier: MIT
// The HTTP/1.1 server: one thread, one event loop, bounded everything. It reads requests strictly
// (request_parser.h), asks a gate before it takes a body, hands whole requests to a handler, keeps
// deadlines, tells a handler at once when its client went away or reads too slowly, and stops
// without cutting streams in halves. RELIABILITY F20 to F25.
// In: addresses, a gate, a handler. Out: answers. Thread rule: run() on one thread; post() and
// stop() on any; everything else before run() or on the loop's thread.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "server/http/exchange.h"
#include "server/http/message.h"

namespace hearth::http {

// Times are absolute from the beginning of what they bound: a byte now and then wins nothing (F22).
struct ServerOptions {
  using ms = std::chrono::milliseconds;

  Limits limits;
  ms head_time{10'000};              // from a request's first byte (or the connection) on
  ms idle_time{75'000};              // between requests
  ms body_time{30'000};              // and what the least rate adds
  uint64_t least_rate = 64u << 10;   // bytes a second, of bodies and of whole answers
  ms write_time{30'000};             // of a whole answer, and what the least rate adds
  size_t stream_bytes = 256u << 10;  // buffered for one stream before its producer is told (F20)
  size_t stream_most = 1024u << 10;  // at which the client is dropped at once
  ms full_time{30'000};              // a stream that stays full longer is dropped
  ms stall_time{60'000};             // so is one of which the client takes nothing for so long
  ms linger_time{2'000};             // reading on after a refusal, so that it arrives
  ms grace_time{5'000};              // of streams when the server stops (F25)
  ms last_words_time{800};           // to send what they end with
  size_t n_connections = 4096;
  size_t n_per_address = 128;      // connections of one address
  size_t n_per_loopback = 2048;    // the same for this machine's own
  size_t body_bytes = 256u << 20;  // of all bodies being read
};

struct Admission {
  std::optional<Response> refusal;  // instead of the handler
  uint64_t body_bytes = 0;          // the most that the body may have
};

struct BoundAddress {
  std::string address;
  uint16_t port = 0;
  bool is_loopback = false;
};

struct ServerLoads {
  uint64_t n_connections = 0, n_exchanges = 0, n_requests = 0, n_refused = 0, n_dropped = 0;
};

class HttpServer {
 public:
  // What a connection that is refused by the parser is told; in a shape that the path suggests.
  using FaultPage = std::function<Response(const Fault&)>;
  using Gate = std::function<Admission(const RequestHead&, const Peer&)>;
  using Handler = std::function<void(std::shared_ptr<Exchange>)>;

  HttpServer(ServerOptions options, Gate gate, Handler handler, FaultPage fault_page);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // `address`: a numeric IPv4 or IPv6 address; port 0: any free one. Errors: kIo.
  Result<BoundAddress> listen(const std::string& address, uint16_t port);
  const std::vector<BoundAddress>& bound() const;

  // SIGTERM and SIGINT stop the server; the second one at once.
  void stop_on_signals();

  // Serves until stopped.
  void run();
  // Ends: no new connections, streams have grace_time, then are told to end. A second call ends
  // now.
  void stop();

  // Runs `call` on the loop's thread, soon; never from within post.
  void post(std::function<void()> call);
  // Runs it after `delay`, unless the server stops earlier.
  void after(std::chrono::milliseconds delay, std::function<void()> call);

  // Calls `call` on the loop's thread each time that the descriptor can be read, until the watch is
  // dropped: on that thread, or after run(), before the server and the descriptor end.
  class Watch {
   public:
    virtual ~Watch() = default;
  };
  std::unique_ptr<Watch> watch(int descriptor, std::function<void()> call);

  bool stopping() const;
  ServerLoads loads() const;

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

}  // namespace hearth::http
