// SPDX-License-Identifier: MIT
// Requests that two programs could understand differently, or that are plainly wrong, each with the
// status it must get. HOST stands for the server's own name.
#pragma once
#include <string>
#include <vector>

namespace hearth::http {

struct Malformed {
  std::string name;
  std::string bytes;
  int status;
};

inline std::vector<Malformed> bad_request_lines() {
  const std::string rest = "\r\nHost: HOST\r\n\r\n";
  std::vector<Malformed> all;
  const auto add = [&](std::string name, std::string line, int status = 400) {
    all.push_back({"line: " + std::move(name), std::move(line) + rest, status});
  };
  add("no version", "GET /");
  add("method only", "GET");
  add("two spaces", "GET  / HTTP/1.1");
  add("two spaces before the version", "GET /  HTTP/1.1");
  add("a space at the beginning", " GET / HTTP/1.1");
  add("a space at the end", "GET / HTTP/1.1 ");
  add("a space in the target", "GET /a b HTTP/1.1");
  add("tabs for spaces", "GET\t/\tHTTP/1.1");
  add("lower-case version", "GET / http/1.1");
  add("version 2", "GET / HTTP/2.0", 505);
  add("version 1.2", "GET / HTTP/1.2", 505);
  add("version 0.9", "GET / HTTP/0.9", 505);
  add("version without number", "GET / HTTP/", 505);
  add("version with more", "GET / HTTP/1.1x", 400);
  add("version of three digits", "GET / HTTP/1.11", 400);
  add("method with a colon", "GE:T / HTTP/1.1");
  add("method with a bracket", "GE(T / HTTP/1.1");
  add("method of 30 letters", std::string(30, 'A') + " / HTTP/1.1");
  add("method with a high byte", "G\xC3\x89T / HTTP/1.1");
  add("absolute target", "GET http://HOST/ HTTP/1.1");
  add("authority target", "CONNECT HOST:443 HTTP/1.1");
  add("target without a slash", "GET health HTTP/1.1");
  add("star with GET", "GET * HTTP/1.1");
  add("a fragment", "GET /#a HTTP/1.1");
  add("broken percent", "GET /%zz HTTP/1.1");
  add("cut percent", "GET /% HTTP/1.1");
  add("half percent", "GET /%4 HTTP/1.1");
  add("percent NUL", "GET /%00 HTTP/1.1");
  add("percent line break", "GET /%0d%0a HTTP/1.1");
  add("percent delete", "GET /%7f HTTP/1.1");
  add("high bytes in the target", "GET /\xC3\xA9 HTTP/1.1");
  add("a target of 9 KiB", "GET /" + std::string(9000, 'a') + " HTTP/1.1", 414);
  add("NUL in the target", std::string("GET /a") + '\0' + " HTTP/1.1");
  add("escape in the target", "GET /\x1b[31m HTTP/1.1");
  add("CR in the line", "GET /\rHTTP/1.1");
  return all;
}

inline std::vector<Malformed> bad_headers() {
  std::vector<Malformed> all;
  const auto add = [&](std::string name, std::string headers, int status = 400) {
    all.push_back({"header: " + std::move(name),
                   "GET /health HTTP/1.1\r\n" + std::move(headers) + "\r\n", status});
  };
  const std::string host = "Host: HOST\r\n";
  add("no Host", "");
  add("Host twice", host + host);
  add("Host twice, other case", host + "hOST: HOST\r\n");
  add("no colon", host + "Nonsense\r\n");
  add("no name", host + ": value\r\n");
  add("a space before the colon", host + "Name : value\r\n");
  add("a tab before the colon", host + "Name\t: value\r\n");
  add("a space in the name", host + "A name: value\r\n");
  add("a folded line", host + "Name: value\r\n more\r\n");
  add("a folded line with a tab", host + "Name: value\r\n\tmore\r\n");
  add("folded first header", " Folded: x\r\n" + host);
  add("NUL in a value", host + std::string("Name: a") + '\0' + "b\r\n");
  add("bell in a value", host + "Name: a\x07\r\n");
  add("delete in a value", host + "Name: a\x7f\r\n");
  add("NUL in a name", host + std::string("Na") + '\0' + "me: b\r\n");
  add("bare LF after a header", "Host: HOST\nName: b\r\n");
  add("bare LF at the end", "Host: HOST\r\n\n");
  add("bare CR", "Host: HOST\rName: b\r\n");
  add("CR CR LF", "Host: HOST\r\r\n");
  add("quotes in a name", host + "\"Name\": b\r\n");
  add("a comma in a name", host + "Na,me: b\r\n");
  add("a slash in a name", host + "Na/me: b\r\n");
  add("a bracket in a name", host + "Na[me: b\r\n");
  add("an at sign in a name", host + "Na@me: b\r\n");
  add("a high byte in a name", host + "N\xC3\xA4me: b\r\n");
  add("authorization twice", host + "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n");
  add("x-api-key twice", host + "x-api-key: a\r\nX-API-KEY: b\r\n");
  add("origin twice", host + "Origin: http://a\r\nOrigin: http://b\r\n");
  add("an unknown expectation", host + "Expect: miracles\r\n", 417);
  std::string many;
  for (int i = 0; i < 101; ++i) many += "Name-" + std::to_string(i) + ": b\r\n";
  add("102 headers", host + many, 431);
  add("a head of 40 KiB", host + "Name: " + std::string(40000, 'a') + "\r\n", 431);
  std::string long_head;
  for (int i = 0; i < 50; ++i) long_head += "Name: " + std::string(800, 'b') + "\r\n";
  add("50 headers of 800 bytes", host + long_head, 431);
  all.push_back({"header: a bare LF after the request line",
                 "GET /health HTTP/1.1\nHost: HOST\r\n\r\n", 400});
  all.push_back({"header: only LF", "GET /health HTTP/1.1\nHost: HOST\n\n", 400});
  all.push_back(
      {"line: an empty line first", "\r\nGET /health HTTP/1.1\r\nHost: HOST\r\n\r\n", 400});
  all.push_back({"line: LF first", "\nGET /health HTTP/1.1\r\nHost: HOST\r\n\r\n", 400});
  all.push_back({"line: TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400});
  all.push_back({"line: HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505});
  all.push_back({"line: SSH", "SSH-2.0-OpenSSH_9.2\r\n\r\n", 400});
  return all;
}

// What says how long a body is.
inline std::vector<Malformed> bad_framing() {
  std::vector<Malformed> all;
  const auto add = [&](std::string name, std::string headers, std::string body, int status = 400) {
    all.push_back({"framing: " + std::move(name),
                   "POST /v1/chat/completions HTTP/1.1\r\nHost: HOST\r\n" + std::move(headers) +
                       "\r\n" + std::move(body),
                   status});
  };
  const std::string chunked = "Transfer-Encoding: chunked\r\n";
  const std::string end = "0\r\n\r\n";
  add("both lengths", "Content-Length: 5\r\n" + chunked, end);
  add("both lengths, the other way", chunked + "Content-Length: 5\r\n", end);
  add("zero length and chunked", "Content-Length: 0\r\n" + chunked, end);
  add("two lengths", "Content-Length: 5\r\nContent-Length: 6\r\n", "hello!");
  add("two equal lengths", "Content-Length: 5\r\nContent-Length: 5\r\n", "hello");
  add("a list of lengths", "Content-Length: 5, 5\r\n", "hello");
  for (const char* length : {"+5", "-5", "0x5", "5.0", "5e0", " 5 5", "", "five", "5;", "\"5\"",
                             "٥", "5_0", "1'000", "--5", "+", "-0", "+0"})
    add(std::string("length ") + length, std::string("Content-Length: ") + length + "\r\n",
        "hello");
  add("a length of 20 digits", "Content-Length: 99999999999999999999\r\n", "", 413);
  add("2^63", "Content-Length: 9223372036854775808\r\n", "", 413);
  add("2^64", "Content-Length: 18446744073709551616\r\n", "", 413);
  add("2^32", "Content-Length: 4294967296\r\n", "", 413);
  add("one byte too many", "Content-Length: 33554433\r\n", "", 413);
  for (const char* encoding :
       {"chunked, gzip", "gzip, chunked", "gzip", "identity", "chunked, chunked", "\"chunked\"",
        "xchunked", "chunked;q=1", "chunke", "", "chunked,", ",chunked", "chunked identity",
        "deflate", "compress"})
    add(std::string("encoding ") + encoding, std::string("Transfer-Encoding: ") + encoding + "\r\n",
        end);
  add("encoding twice", chunked + chunked, end);
  add("encoding twice, one odd", chunked + "Transfer-Encoding: identity\r\n", end);
  add("a gzip body", "Content-Encoding: gzip\r\nContent-Length: 5\r\n", "hello", 415);
  add("a br body", "Content-Encoding: br\r\nContent-Length: 5\r\n", "hello", 415);
  add("a zstd body", "Content-Encoding: zstd\r\nContent-Length: 5\r\n", "hello", 415);
  all.push_back({"framing: chunked in HTTP/1.0",
                 "POST /v1/completions HTTP/1.0\r\nHost: HOST\r\n" + chunked + "\r\n" + end, 400});
  return all;
}

inline std::vector<Malformed> bad_chunks() {
  std::vector<Malformed> all;
  const auto add = [&](std::string name, std::string body, int status = 400) {
    all.push_back({"chunk: " + std::move(name),
                   "POST /v1/chat/completions HTTP/1.1\r\nHost: HOST\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n" +
                       std::move(body),
                   status});
  };
  for (const char* size : {"-2", "+2", "0x2", "2 ", " 2", "g", "", "2,2", "2_0", "zz", "-0", "\t2"})
    add(std::string("size '") + size + "'", std::string(size) + "\r\n{}\r\n0\r\n\r\n");
  add("size of nine digits", "000000002\r\n{}\r\n0\r\n\r\n");
  add("size of 16 digits", "ffffffffffffffff\r\n{}\r\n0\r\n\r\n");
  add("size of 17 digits", "10000000000000002\r\n{}\r\n0\r\n\r\n");
  add("size above the limit", "ffffffff\r\n{}", 413);
  add("one byte above the limit", "2000001\r\n", 413);
  add("LF after the size", "2\n{}\r\n0\r\n\r\n");
  add("LF after the data", "2\r\n{}\n0\r\n\r\n");
  add("no line end after the data", "2\r\n{}0\r\n\r\n");
  add("data longer than its size", "2\r\n{}}\r\n0\r\n\r\n");
  add("CR in the size line", "2\r;x\r\n{}\r\n0\r\n\r\n");
  add("a control character in an extension", "2;a=\x01\r\n{}\r\n0\r\n\r\n");
  add("a long extension", "2;" + std::string(300, 'a') + "\r\n{}\r\n0\r\n\r\n");
  add("a size line without end", std::string(400, '0'));
  add("a trailer without colon", "2\r\n{}\r\n0\r\nNonsense\r\n\r\n");
  add("a folded trailer", "2\r\n{}\r\n0\r\nA: b\r\n c\r\n\r\n");
  add("LF after a trailer", "2\r\n{}\r\n0\r\nA: b\n\r\n");
  add("LF at the end", "2\r\n{}\r\n0\r\n\n");
  std::string long_trailers;
  for (int i = 0; i < 100; ++i) long_trailers += "Name: " + std::string(100, 'b') + "\r\n";
  add("trailers of 10 KiB", "2\r\n{}\r\n0\r\n" + long_trailers + "\r\n", 431);
  return all;
}

inline std::vector<Malformed> malformed_requests() {
  std::vector<Malformed> all;
  for (auto&& part : {bad_request_lines(), bad_headers(), bad_framing(), bad_chunks()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace hearth::http
