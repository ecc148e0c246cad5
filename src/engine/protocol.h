// SPDX-License-Identifier: MIT
// What server and engine process say to each other over the socket pair: frames of a length (u32,
// little endian, at most kMaxFrameBytes) and as many bytes of UTF-8 JSON, one object each, whose
// "type" says which of the messages below it is. Every member is always there; one that is missing,
// unknown, out of its range or too long makes the frame an error, and after an error nothing more
// is read: both ends are the same program, so a peer that errs is broken or hostile (RELIABILITY
// F18). Bytes of texts that are not UTF-8 become U+FFFD.
//
// The server begins with Load; the engine process answers Loaded or Refused. Then the server sends
// Job, Cancel, StatsRequest in any order; the engine process sends Events (the last one of a job is
// kDone or kError), Stats, and Heartbeats while it is busy. Shutdown, or the end of the channel,
// ends it.
//
// Event::result of the kinds of jobs without an answer:
//   kEmbed       {"first": i, "vectors": [[…], …], "n_tokens": […]} for texts i, i + 1, …; as many
//                events as it takes, in order
//   kRerank      {"scores": […], "n_tokens": […]}, one for each text
//   kTokenize    {"tokens": […], "pieces": […]}, the text of each token; as many events as it takes
//   kDetokenize  {"text": "…"}
//   kTemplate    {"prompt": "…"}
//   kCount       {"n_tokens": n}
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "engine/job.h"
#include "os/sandbox.h"

namespace hearth::engine {

inline constexpr int kProtocolVersion = 1;
inline constexpr size_t kMaxFrameBytes = size_t{16} << 20;
inline constexpr size_t kFrameHeadBytes = 4;
// Numbers of vectors that fit into one Event, at twenty characters each and with room to spare.
inline constexpr size_t kMaxEventNumbers = size_t{1} << 19;

// The model to load and how: the first message, once.
struct Load {
  std::string name;  // for messages
  std::string file;  // absolute; of a split model, its first part
  int n_ctx = 0;     // of one sequence; 0: the model's own, as far as memory goes
  int n_sequences = 1;
  int max_batch = 512;
  int n_threads = 0;  // 0: one per physical core
  std::string cache_k = "f16", cache_v = "f16";
  bool deterministic = false;
  bool reference = false;     // the slow exact executor
  uint64_t memory_bytes = 0;  // for weights, cache and scratch together; 0: no bound
};

// What the engine process holds now.
struct Loaded {
  std::string arch, backend;
  int n_ctx = 0, n_sequences = 0, n_vocab = 0;
  bool encoder = false;
  uint64_t file_bytes = 0, kv_bytes = 0, scratch_bytes = 0;
  double load_ms = 0.0;
  nlohmann::ordered_json model;  // what answers can have: of the template and its parser
  std::vector<std::string> warnings;
  os::SandboxFacts sandbox;
};

// The model cannot be loaded; the engine process ends.
struct Refused {
  Error error;
};

struct Cancel {
  uint64_t id = 0;
};

// Holds a job's answer back while its reader is slow, and lets it go on.
struct Park {
  uint64_t id = 0;
  bool parked = false;
};

struct StatsRequest {
  uint64_t id = 0;
};

struct Stats {
  uint64_t id = 0;              // of the request
  uint64_t n_steps = 0;         // of the engine, since it was loaded
  nlohmann::ordered_json jobs;  // as the runner of jobs tells it
};

// Every second while there is something to do, and once after the last of it.
struct Heartbeat {
  uint64_t n_steps = 0;
  bool busy = false;
};

struct Shutdown {};

using Message = std::variant<Load, Loaded, Refused, Job, Event, Cancel, Park, StatsRequest, Stats,
                             Heartbeat, Shutdown>;

// A whole frame. Error: longer than a frame may be (kLimit).
Result<std::string> encode(const Message& message);

// What is in a frame, without its length.
Result<Message> decode(std::string_view payload);

// Cuts a stream of bytes into frames. Holds at most one frame and what came with it.
class FrameBuffer {
 public:
  void append(std::string_view bytes);
  // The next whole frame's payload, valid until append(); nothing: more bytes are needed. Error: a
  // length of 0 or beyond kMaxFrameBytes.
  Result<std::optional<std::string_view>> next();

 private:
  std::string bytes_;
  size_t begin_ = 0;  // of what was not given out yet
};

}  // namespace hearth::engine
