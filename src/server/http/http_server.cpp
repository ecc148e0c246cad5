// SPDX-License-Identifier: MIT
#include "server/http/http_server.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <exception>
#include <unordered_map>
#include <utility>

#include "base/log.h"
#include "server/http/connection.h"

namespace hearth::http {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

namespace {

constexpr std::chrono::milliseconds kAcceptAgain{100};  // after the system refused a descriptor

// What the kernel takes of a connection beyond what it may send now. Without a bound it takes 4 MiB
// before anybody notices that the client does not read: minutes of an answer. What is under way is
// not bounded by it, so neither is the speed.
constexpr int kMostNotSent = 16 << 10;

Peer peer_of(const tcp::socket& socket) {
  boost::system::error_code failed;
  Peer peer;
  const auto remote = socket.remote_endpoint(failed);
  if (!failed) {
    peer.address = remote.address().to_string();
    peer.is_loopback = remote.address().is_loopback();
  }
  const auto local = socket.local_endpoint(failed);
  if (!failed) {
    peer.local_address = local.address().to_string();
    peer.local_port = local.port();
  }
  return peer;
}

class DescriptorWatch final : public HttpServer::Watch {
 public:
  DescriptorWatch(asio::io_context& io, int descriptor, std::function<void()> call)
      : state_(std::make_shared<State>(io, descriptor, std::move(call))) {
    state_->wait();
  }
  ~DescriptorWatch() override { state_->descriptor.release(); }

 private:
  // Shared with the wait that is under way.
  struct State : std::enable_shared_from_this<State> {
    State(asio::io_context& io, int watched, std::function<void()> its_call)
        : descriptor(io, watched), call(std::move(its_call)) {}

    void wait() {
      descriptor.async_wait(asio::posix::descriptor_base::wait_read,
                            [self = shared_from_this()](const auto& error) {
                              if (error || !self->descriptor.is_open()) return;
                              self->call();
                              if (self->descriptor.is_open()) self->wait();
                            });
    }

    asio::posix::stream_descriptor descriptor;  // released when the watch is dropped
    std::function<void()> call;
  };

  std::shared_ptr<State> state_;
};

}  // namespace

class HttpServer::Loop {
 public:
  Loop(ServerOptions options, Gate gate, Handler handler, FaultPage fault_page) : signals_(io_) {
    service_.options = std::move(options);
    service_.gate = std::move(gate);
    service_.handler = std::move(handler);
    service_.fault_page = std::move(fault_page);
    service_.closed = [this](Connection& connection) { forget(connection); };
  }

  // Connections end here, while what they share still lives.
  ~Loop() {
    for (const auto& connection : live()) connection->close();
  }

  Result<BoundAddress> listen(const std::string& text, uint16_t port) {
    boost::system::error_code failed;
    const auto address = asio::ip::make_address(text, failed);
    if (failed) return invalid("'{}' is not a numeric address", text);
    auto acceptor = std::make_unique<tcp::acceptor>(io_);
    const tcp::endpoint wanted(address, port);
    acceptor->open(wanted.protocol(), failed);
    if (!failed) acceptor->set_option(tcp::acceptor::reuse_address(true), failed);
    if (!failed && address.is_v6()) acceptor->set_option(asio::ip::v6_only(true), failed);
    if (!failed) acceptor->bind(wanted, failed);
    if (!failed) acceptor->listen(asio::socket_base::max_listen_connections, failed);
    if (failed) return io_error("cannot listen on {} port {}: {}", text, port, failed.message());
    const BoundAddress bound{text, acceptor->local_endpoint(failed).port(), address.is_loopback()};
    acceptors_.push_back(std::move(acceptor));
    bound_.push_back(bound);
    accept(*acceptors_.back());
    return bound;
  }

  void stop_on_signals() {
    signals_.add(SIGTERM);
    signals_.add(SIGINT);
    await_signal();
  }

  void run() {
    while (!io_.stopped()) {
      try {
        io_.run();
        return;
      } catch (const std::exception& caught) {
        log_error("http: {}", caught.what());
      }
    }
  }

  void stop() {
    if (service_.stopping) return io_.stop();
    service_.stopping = true;
    for (const auto& acceptor : acceptors_) {
      boost::system::error_code ignored;
      acceptor->close(ignored);
    }
    for (const auto& connection : live()) connection->end_if_idle();
    stop_where_done();
    after(service_.options.grace_time, [this] {
      for (const auto& connection : live()) connection->tell_stopping();
      after(service_.options.last_words_time, [this] { io_.stop(); });
    });
  }

  void post(std::function<void()> call) { asio::post(io_, guarded(std::move(call))); }

  void after(std::chrono::milliseconds delay, std::function<void()> call) {
    auto timer = std::make_shared<asio::steady_timer>(io_, delay);
    timer->async_wait([timer, call = guarded(std::move(call))](const auto& error) {
      if (!error) call();
    });
  }

  std::unique_ptr<Watch> watch(int descriptor, std::function<void()> call) {
    return std::make_unique<DescriptorWatch>(io_, descriptor, guarded(std::move(call)));
  }

  bool stopping() const { return service_.stopping; }
  ServerLoads loads() const {
    ServerLoads loads = service_.loads;
    loads.n_connections = connections_.size();
    return loads;
  }
  const std::vector<BoundAddress>& bound() const { return bound_; }

 private:
  static std::function<void()> guarded(std::function<void()> call) {
    return [call = std::move(call)] {
      try {
        call();
      } catch (const std::exception& caught) {
        log_error("http: a call threw: {}", caught.what());
      }
    };
  }

  void await_signal() {
    signals_.async_wait([this](const auto& error, int) {
      if (error) return;
      stop();
      await_signal();
    });
  }

  void accept(tcp::acceptor& acceptor) {
    acceptor.async_accept([this, &acceptor](const auto& error, tcp::socket socket) {
      if (!acceptor.is_open()) return;
      if (error) {  // no descriptor is left, or the client is gone already
        log_warn("http: cannot accept a connection: {}", error.message());
        return after(kAcceptAgain, [this, &acceptor] {
          if (acceptor.is_open()) accept(acceptor);
        });
      }
      admit(std::move(socket));
      accept(acceptor);
    });
  }

  void admit(tcp::socket socket) {
    Peer peer = peer_of(socket);
    const ServerOptions& options = service_.options;
    const size_t most = peer.is_loopback ? options.n_per_loopback : options.n_per_address;
    if (connections_.size() >= options.n_connections || per_address_[peer.address] >= most) {
      ++service_.loads.n_dropped;
      if (per_address_[peer.address] == 0) per_address_.erase(peer.address);
      return;  // closed by its destructor
    }
    boost::system::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    socket.set_option(asio::socket_base::keep_alive(true), ignored);
    ::setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kMostNotSent,
                 sizeof kMostNotSent);
    ++per_address_[peer.address];
    const auto connection =
        std::make_shared<Connection>(std::move(socket), service_, std::move(peer));
    connections_[connection.get()] = connection;
    connection->begin();
  }

  void forget(Connection& connection) {
    connections_.erase(&connection);
    const auto count = per_address_.find(connection.peer().address);
    if (count != per_address_.end() && --count->second == 0) per_address_.erase(count);
    stop_where_done();
  }

  void stop_where_done() {
    if (service_.stopping && connections_.empty()) io_.stop();
  }

  std::vector<std::shared_ptr<Connection>> live() const {
    std::vector<std::shared_ptr<Connection>> all;
    for (const auto& [pointer, weak] : connections_) {
      if (auto connection = weak.lock()) all.push_back(std::move(connection));
    }
    return all;
  }

  asio::io_context io_{1};
  asio::signal_set signals_;
  Service service_;
  std::vector<std::unique_ptr<tcp::acceptor>> acceptors_;
  std::vector<BoundAddress> bound_;
  std::unordered_map<Connection*, std::weak_ptr<Connection>> connections_;
  std::unordered_map<std::string, size_t> per_address_;
};

HttpServer::HttpServer(ServerOptions options, Gate gate, Handler handler, FaultPage fault_page)
    : loop_(std::make_unique<Loop>(std::move(options), std::move(gate), std::move(handler),
                                   std::move(fault_page))) {}
HttpServer::~HttpServer() = default;

Result<BoundAddress> HttpServer::listen(const std::string& address, uint16_t port) {
  return loop_->listen(address, port);
}
const std::vector<BoundAddress>& HttpServer::bound() const { return loop_->bound(); }
void HttpServer::stop_on_signals() { loop_->stop_on_signals(); }
void HttpServer::run() { loop_->run(); }
void HttpServer::stop() {
  loop_->post([loop = loop_.get()] { loop->stop(); });
}
void HttpServer::post(std::function<void()> call) { loop_->post(std::move(call)); }
void HttpServer::after(std::chrono::milliseconds delay, std::function<void()> call) {
  loop_->after(delay, std::move(call));
}
std::unique_ptr<HttpServer::Watch> HttpServer::watch(int descriptor, std::function<void()> call) {
  return loop_->watch(descriptor, std::move(call));
}
bool HttpServer::stopping() const { return loop_->stopping(); }
ServerLoads HttpServer::loads() const { return loop_->loads(); }

}  // namespace hearth::http
