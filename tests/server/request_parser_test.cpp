// SPDX-License-Identifier: MIT
#include "server/http/request_parser.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "server/http/chunked.h"
#include "tests/server/malformed_requests.h"
#include "tests/support/paths.h"

namespace hearth::http {
namespace {

// What comes of the bytes when they arrive in pieces of `n_piece`.
struct Read {
  std::optional<Fault> fault;
  std::optional<RequestHead> head;
  std::string body;
  bool whole = false;
};

Read read_in_pieces(std::string_view bytes, size_t n_piece) {
  Read read;
  HeadScanner scanner{Limits{}};
  size_t n_head = 0;
  for (size_t n = std::min(n_piece, bytes.size()); n_head == 0;
       n = std::min(n + n_piece, bytes.size())) {
    const auto outcome = scanner.scan(bytes.substr(0, n));
    if (const auto* fault = std::get_if<Fault>(&outcome)) {
      read.fault = *fault;
      return read;
    }
    if (const auto* found = std::get_if<size_t>(&outcome)) n_head = *found;
    if (n == bytes.size() && n_head == 0) return read;
  }
  auto parsed = parse_head(bytes.substr(0, n_head));
  if (const auto* fault = std::get_if<Fault>(&parsed)) {
    read.fault = *fault;
    return read;
  }
  read.head = std::get<RequestHead>(parsed);
  if (!read.head->chunked) return read;
  ChunkedDecoder decoder(32u << 20);
  for (size_t at = n_head; at < bytes.size() && !decoder.done() && !decoder.fault();)
    at += decoder.feed(bytes.substr(at, n_piece), read.body);
  read.fault = decoder.fault();
  read.whole = decoder.done();
  return read;
}

TEST(RequestParser, a_plain_request_is_read_in_pieces_of_every_length) {
  const std::string bytes =
      "POST /v1/models/a%2Fb?x=1&y HTTP/1.1\r\nHost: here:80\r\nX-Odd:\t two words \r\n"
      "Transfer-Encoding: Chunked\r\n\r\n4;a=b\r\nabcd\r\nA\r\n0123456789\r\n0\r\nT: x\r\n\r\n";
  for (size_t n = 1; n <= bytes.size(); ++n) {
    const Read read = read_in_pieces(bytes, n);
    ASSERT_FALSE(read.fault) << n << ": " << read.fault->reason;
    ASSERT_TRUE(read.head) << n;
    EXPECT_EQ(read.head->method, "POST");
    EXPECT_EQ(read.head->path, "/v1/models/a/b");
    EXPECT_EQ(read.head->query, "x=1&y");
    ASSERT_NE(read.head->find("x-odd"), nullptr);
    EXPECT_EQ(*read.head->find("x-odd"), "two words");
    EXPECT_EQ(read.body, "abcd0123456789");
    EXPECT_TRUE(read.whole);
  }
}

TEST(RequestParser, every_malformed_request_has_its_status_in_pieces_of_any_length) {
  const auto all = malformed_requests();
  EXPECT_GE(all.size(), 120u);
  for (const Malformed& one : all) {
    if (one.status == 413 && one.name.starts_with("framing: ") &&
        one.bytes.find("99999") == std::string::npos &&
        one.bytes.find("9223372") == std::string::npos &&
        one.bytes.find("184467") == std::string::npos)
      continue;  // a limit of routes, not of the parser
    for (const size_t n : {size_t{1}, size_t{7}, size_t{100'000}}) {
      const Read read = read_in_pieces(one.bytes, n);
      ASSERT_TRUE(read.fault) << one.name << " in pieces of " << n;
      EXPECT_EQ(read.fault->status, one.status) << one.name << ": " << read.fault->reason;
    }
  }
}

TEST(RequestParser, every_prefix_of_a_request_wants_more) {
  const std::string head = "GET /health HTTP/1.1\r\nHost: here\r\nA: b\r\n\r\n";
  for (size_t n = 0; n < head.size(); ++n) {
    HeadScanner scanner{Limits{}};
    EXPECT_TRUE(std::holds_alternative<HeadScanner::NeedsMore>(
        scanner.scan(std::string_view(head).substr(0, n))))
        << n;
  }
}

TEST(RequestParser, connection_and_version_decide_whether_it_stays_open) {
  const auto keeps = [](const std::string& text) {
    auto parsed = parse_head(text);
    return std::get<RequestHead>(parsed).keep_alive;
  };
  EXPECT_TRUE(keeps("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.0\r\nHost: a\r\n\r\n"));
  EXPECT_TRUE(keeps("GET / HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n"));
  EXPECT_FALSE(
      keeps("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n"));
}

TEST(RequestParser, the_limits_hold_to_the_byte) {
  const std::string rest = " HTTP/1.1\r\nHost: a\r\n\r\n";
  const auto with_line = [&](size_t n_line) {
    const size_t n_fixed = std::string("GET / HTTP/1.1").size();
    return "GET /" + std::string(n_line - n_fixed, 'a') + rest;
  };
  EXPECT_FALSE(read_in_pieces(with_line(8192), 100'000).fault);
  EXPECT_EQ(read_in_pieces(with_line(8193), 100'000).fault->status, 414);
  std::string headers;
  for (int i = 0; i < 99; ++i) headers += "A: b\r\n";
  EXPECT_FALSE(read_in_pieces("GET / HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n", 9).fault);
  EXPECT_EQ(
      read_in_pieces("GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n" + headers + "\r\n", 9).fault->status,
      431);
  const std::string begin = "GET / HTTP/1.1\r\nHost: a\r\nA: ";
  const size_t n_value = 32768 - begin.size() - 4;
  EXPECT_FALSE(read_in_pieces(begin + std::string(n_value, 'x') + "\r\n\r\n", 100'000).fault);
  EXPECT_EQ(
      read_in_pieces(begin + std::string(n_value + 1, 'x') + "\r\n\r\n", 100'000).fault->status,
      431);
}

TEST(RequestParser, the_fuzzers_seeds_mean_the_same_in_any_pieces) {
  size_t n_seeds = 0;
  const std::filesystem::path folder = test::source_dir() + "/tests/fuzz/corpus/http";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream in(entry.path(), std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    const std::string bytes = text.str().substr(1);  // the first byte is the fuzzer's
    const Read whole = read_in_pieces(bytes, bytes.size());
    for (size_t n = 1; n < bytes.size(); ++n) {
      const Read pieces = read_in_pieces(bytes, n);
      EXPECT_EQ(pieces.fault, whole.fault) << entry.path() << " " << n;
      EXPECT_EQ(pieces.body, whole.body) << entry.path() << " " << n;
      EXPECT_EQ(pieces.whole, whole.whole) << entry.path() << " " << n;
    }
    ++n_seeds;
  }
  EXPECT_GE(n_seeds, 3u);
}

TEST(ChunkedBody, bytes_after_the_end_are_left) {
  ChunkedDecoder decoder(100);
  std::string body;
  const std::string bytes = "3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1";
  EXPECT_EQ(decoder.feed(bytes, body), bytes.find("GET"));
  EXPECT_TRUE(decoder.done());
  EXPECT_EQ(body, "abc");
  EXPECT_EQ(decoder.feed("more", body), 0u);
}

TEST(ChunkedBody, the_limit_is_of_all_chunks_together) {
  ChunkedDecoder decoder(5);
  std::string body;
  decoder.feed("3\r\nabc\r\n2\r\nde\r\n", body);
  EXPECT_FALSE(decoder.fault());
  decoder.feed("1\r\n", body);
  ASSERT_TRUE(decoder.fault());
  EXPECT_EQ(decoder.fault()->status, 413);
}

}  // namespace
}  // namespace hearth::http
