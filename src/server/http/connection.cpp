// SPDX-License-Identifier: MIT
#include "server/http/connection.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <exception>
#include <utility>

#include "base/log.h"

namespace hearth::http {
namespace {

// Requests that come before their turn; more stay in the system's buffers.
constexpr size_t kMaxAhead = 64u << 10;
// What is read on for after a refusal.
constexpr size_t kMaxDiscarded = 64u << 20;

using ms = std::chrono::milliseconds;

// Of a server that stops: long enough for a client to take what it was sent.
constexpr ms kLastLinger{200};

bool has_no_body(int status) { return status == 204 || status == 304 || status < 200; }

Response plain_refusal(int status, std::string_view text) {
  Response response{.status = status};
  response.set("Content-Type", "text/plain; charset=utf-8");
  response.body = text;
  return response;
}

}  // namespace

Connection::Connection(Socket socket, Service& service, Peer peer)
    : socket_(std::move(socket)),
      timer_(socket_.get_executor()),
      service_(service),
      peer_(std::move(peer)),
      scanner_(service.options.limits) {}

ms Connection::time_for(ms base, uint64_t n_bytes) const {
  return base + ms(n_bytes * 1000 / service_.options.least_rate);
}

void Connection::begin() {
  bound(service_.options.head_time);
  read();
}

void Connection::end_if_idle() {
  if (state_ != State::kAnswering) close();
}

void Connection::tell_stopping() {
  const auto exchange = exchange_;
  if (!exchange) return;
  exchange->tell_stopping();
  exchange->send(plain_refusal(503, "the server stops\n"));  // where nothing was said yet
}

void Connection::close() {
  if (state_ == State::kClosed) return;
  const auto self = shared_from_this();
  state_ = State::kClosed;
  boost::system::error_code ignored;
  timer_.cancel();
  socket_.close(ignored);
  release_body();
  if (exchange_) --service_.loads.n_exchanges;
  if (const auto exchange = std::exchange(exchange_, nullptr)) exchange->tell_gone();
  service_.closed(*this);
}

// By a reset: what the client does not read would stay in the kernel for minutes.
void Connection::drop() {
  ++service_.loads.n_dropped;
  boost::system::error_code ignored;
  socket_.set_option(boost::asio::socket_base::linger(true, 0), ignored);
  close();
}

// Deadlines.

void Connection::unbound() {
  has_deadline_ = false;
  timer_.cancel();
}

void Connection::bound(ms time) {
  has_deadline_ = true;
  timer_.expires_after(time);
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    // A wait that ended just when its deadline was moved or lifted is none.
    if (error || !self->has_deadline_ || self->timer_.expiry() > Clock::now()) return;
    self->has_deadline_ = false;
    self->on_deadline();
  });
}

void Connection::on_deadline() {
  switch (state_) {
    case State::kHead:
    case State::kBody:
      return refuse(Fault{408, "the request took too long to arrive"});
    case State::kAnswering:
      return drop();
    case State::kIdle:
    case State::kLingering:
      return close();
    case State::kClosed:
      return;
  }
}

// Reading.

void Connection::read() {
  const bool wants = state_ == State::kLingering || input_.size() < kMaxAhead;
  if (state_ == State::kClosed || reading_ || end_of_input_ || !wants) return;
  reading_ = true;
  socket_.async_read_some(
      boost::asio::buffer(chunk_),
      [self = shared_from_this()](const boost::system::error_code& error, size_t n_bytes) {
        self->reading_ = false;
        if (self->state_ == State::kClosed) return;
        if (error) return self->on_end_of_input();
        self->on_read(n_bytes);
        self->read();
      });
}

void Connection::on_read(size_t n_bytes) {
  if (state_ == State::kLingering) {
    n_discarded_ += n_bytes;
    if (n_discarded_ > kMaxDiscarded) close();
    return;
  }
  input_.append(chunk_.data(), n_bytes);
  advance();
}

// A client that has closed its side no longer waits for what is not ready yet.
void Connection::on_end_of_input() {
  end_of_input_ = true;
  if (state_ == State::kAnswering && is_complete_) return;
  close();
}

void Connection::advance() {
  if (state_ == State::kBody) take_body();
  if ((state_ == State::kIdle || state_ == State::kHead) && !input_.empty()) take_head();
}

void Connection::take_head() {
  if (state_ == State::kIdle) {
    state_ = State::kHead;
    bound(service_.options.head_time);
  }
  const auto outcome = scanner_.scan(input_);
  if (std::holds_alternative<HeadScanner::NeedsMore>(outcome)) return;
  if (const auto* fault = std::get_if<Fault>(&outcome)) return refuse(*fault);
  const size_t n_head = std::get<size_t>(outcome);
  auto parsed = parse_head(std::string_view(input_).substr(0, n_head));
  input_.erase(0, n_head);
  scanner_.restart();
  if (const auto* fault = std::get_if<Fault>(&parsed)) return refuse(*fault);
  begin_request(std::get<RequestHead>(std::move(parsed)));
}

void Connection::begin_request(RequestHead head) {
  ++service_.loads.n_requests;
  head_ = std::move(head);
  Admission admission = service_.gate(head_, peer_);
  if (service_.stopping) admission.refusal = plain_refusal(503, "the server stops\n");
  if (admission.refusal) {
    ++service_.loads.n_refused;
    if (head_.has_body()) admission.refusal->close = true;  // nobody reads it
    state_ = State::kAnswering;
    return answer(std::move(*admission.refusal));
  }
  if (!head_.has_body()) return dispatch();
  begin_body(admission);
}

void Connection::begin_body(const Admission& admission) {
  max_body_bytes_ = admission.body_bytes;
  if (head_.content_length > max_body_bytes_)
    return refuse(Fault{413, "the body is longer than this route takes"});
  state_ = State::kBody;
  body_began_ = Clock::now();
  if (head_.chunked) chunked_.emplace(max_body_bytes_);
  if (head_.expects_continue && input_.empty()) {
    pending_ += "HTTP/1.1 100 Continue\r\n\r\n";
    flush();
  }
  bound(time_for(service_.options.body_time, head_.content_length));
  take_body();
}

void Connection::take_body() {
  const size_t n_before = body_.size();
  if (head_.chunked) {
    input_.erase(0, chunked_->feed(input_, body_));
  } else {
    const size_t n = std::min<size_t>(head_.content_length - body_.size(), input_.size());
    body_.append(input_, 0, n);
    input_.erase(0, n);
  }
  grow_body(n_before);
  if (state_ != State::kBody) return;
  if (chunked_ && chunked_->fault()) return refuse(*chunked_->fault());
  const bool whole = chunked_ ? chunked_->done() : body_.size() == head_.content_length;
  if (whole) return dispatch();
  if (chunked_) {  // its length is not known: what came so far gives it time
    const auto spent = std::chrono::duration_cast<ms>(Clock::now() - body_began_);
    bound(std::max(ms(0), time_for(service_.options.body_time, body_.size()) - spent));
  }
}

void Connection::grow_body(size_t n_before) {
  service_.body_bytes += body_.size() - n_before;
  if (service_.body_bytes > service_.options.body_bytes)
    refuse(Fault{503, "too many long requests at once"});
}

void Connection::release_body() {
  service_.body_bytes -= body_.size();
  body_.clear();
  body_.shrink_to_fit();
  chunked_.reset();
}

void Connection::dispatch() {
  state_ = State::kAnswering;
  unbound();
  service_.body_bytes -= body_.size();
  exchange_ = std::make_shared<Exchange>(
      Request{std::move(head_), peer_, std::exchange(body_, std::string())}, weak_from_this());
  head_ = RequestHead{};
  head_.method = exchange_->request.head.method;
  head_.minor_version = exchange_->request.head.minor_version;
  head_.keep_alive = exchange_->request.head.keep_alive;
  chunked_.reset();
  ++service_.loads.n_exchanges;
  const auto exchange = exchange_;
  try {
    service_.handler(exchange);
  } catch (const std::exception& caught) {
    log_error("http: a handler threw: {}", caught.what());
    if (exchange->started()) return close();
    Response response = service_.fault_page(Fault{500, "an error of hearth; see its log"});
    exchange->send(std::move(response));
  }
}

// Answering.

void Connection::refuse(const Fault& fault) {
  ++service_.loads.n_refused;
  release_body();
  Response response = service_.fault_page(fault);
  response.close = true;
  state_ = State::kAnswering;
  head_ = RequestHead{};
  answer(std::move(response));
}

void Connection::send(Response response) { answer(std::move(response)); }

void Connection::answer(Response response) {
  if (state_ != State::kAnswering) return;
  close_after_ = response.close || !head_.keep_alive || service_.stopping;
  std::string framing;
  if (!has_no_body(response.status))
    framing = fmt::format("Content-Length: {}\r\n", response.body.size());
  pending_ += head_text(response, head_.minor_version, close_after_, framing);
  if (head_.method != "HEAD" && !has_no_body(response.status)) pending_ += response.body;
  is_complete_ = true;
  bound(time_for(service_.options.write_time, n_unsent()));
  flush();
}

void Connection::start(Response head) {
  if (state_ != State::kAnswering) return;
  is_stream_ = true;
  is_chunked_ = head_.minor_version >= 1;
  close_after_ = head.close || !head_.keep_alive || !is_chunked_ || service_.stopping;
  pending_ += head_text(head, head_.minor_version, close_after_,
                        is_chunked_ ? "Transfer-Encoding: chunked\r\n" : "");
  flush();
}

void Connection::write(std::string_view bytes) {
  if (state_ != State::kAnswering || !is_stream_) return;
  if (is_chunked_) pending_ += fmt::format("{:x}\r\n", bytes.size());
  pending_ += bytes;
  if (is_chunked_) pending_ += "\r\n";
  flush();
  check_full();
}

void Connection::finish() {
  if (state_ != State::kAnswering || !is_stream_) return;
  if (is_chunked_) pending_ += "0\r\n\r\n";
  is_complete_ = true;
  if (n_unsent() == 0 && !writing_) return answered();
  bound(time_for(service_.options.write_time, n_unsent()));
  flush();
}

// More than stream_bytes: the producer rests. It stays so for full_time, or passes stream_most all
// the same: the client is dropped, however much it takes meanwhile.
void Connection::check_full() {
  if (!is_stream_ || is_complete_ || !exchange_) return;
  const size_t n = n_unsent();
  if (n > service_.options.stream_most) return drop();
  if (!is_full_ && n > service_.options.stream_bytes) {
    is_full_ = true;
    bound(service_.options.full_time);
    exchange_->tell_full(true);
  } else if (is_full_ && n <= service_.options.stream_bytes / 2) {
    is_full_ = false;
    exchange_->tell_full(false);
  }
}

// The deadline of a stream that is not full: each time that the client takes something it begins
// anew, so it ends clients that take nothing, however slowly their buffer fills.
void Connection::bound_stall() {
  if (!is_stream_ || is_complete_ || is_full_) return;
  if (n_unsent() == 0) return unbound();
  bound(service_.options.stall_time);
}

void Connection::flush() {
  if (writing_ || state_ == State::kClosed) return;
  if (n_flown_ == flight_.size()) {
    flight_.clear();
    n_flown_ = 0;
    flight_.swap(pending_);
  }
  if (flight_.empty()) return;
  writing_ = true;
  if (!has_deadline_) bound_stall();
  socket_.async_write_some(
      boost::asio::buffer(flight_.data() + n_flown_, flight_.size() - n_flown_),
      [self = shared_from_this()](const boost::system::error_code& error, size_t n_bytes) {
        self->writing_ = false;
        if (self->state_ == State::kClosed) return;
        if (error) return self->close();
        self->on_written(n_bytes);
      });
}

void Connection::on_written(size_t n_bytes) {
  n_flown_ += n_bytes;
  check_full();
  if (state_ == State::kClosed) return;
  bound_stall();
  if (n_unsent() > 0) return flush();
  if (is_complete_) answered();
}

// A connection that waits for a request keeps no buffer that grew with the answer before: with
// thousands of them the longest answer of each would stay in memory.
void Connection::release_buffers() {
  flight_.clear();
  n_flown_ = 0;
  for (std::string* const buffer : {&flight_, &pending_, &input_}) buffer->shrink_to_fit();
}

void Connection::answered() {
  if (exchange_) --service_.loads.n_exchanges;
  exchange_.reset();
  is_stream_ = is_chunked_ = is_complete_ = is_full_ = false;
  release_buffers();
  if (close_after_ || service_.stopping) {
    // Closing with unread input would reset the connection, and the answer might be lost.
    boost::system::error_code ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
    if (end_of_input_) return close();
    state_ = State::kLingering;
    input_.clear();
    bound(service_.stopping ? kLastLinger : service_.options.linger_time);
    return read();
  }
  state_ = State::kIdle;
  bound(service_.options.idle_time);
  advance();
  if (end_of_input_ && state_ != State::kAnswering) return close();
  read();
}

}  // namespace hearth::http
