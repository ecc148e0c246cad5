// SPDX-License-Identifier: MIT
// Any bytes as what the other process of the server says (engine/protocol.h), in pieces.
// Oracle: messages or an error with a message; what is accepted can be written and read again, and
// is then written the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "engine/protocol.h"

namespace hearth::engine {
namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void try_payload(std::string_view payload) {
  const auto message = decode(payload);
  if (!message) {
    require(!message.error().message.empty());
    return;
  }
  const auto written = encode(*message);
  require(written.has_value());
  const auto again = decode(std::string_view(*written).substr(kFrameHeadBytes));
  require(again.has_value() && again->index() == message->index());
  require(encode(*again) == *written);
}

// The first byte says how the stream is cut; without it the bytes are one payload too.
void try_stream(std::string_view bytes) {
  try_payload(bytes);
  if (bytes.empty()) return;
  const size_t step = static_cast<unsigned char>(bytes[0]) + size_t{1};
  FrameBuffer frames;
  for (bytes.remove_prefix(1); !bytes.empty(); bytes.remove_prefix(std::min(step, bytes.size()))) {
    frames.append(bytes.substr(0, step));
    while (true) {
      const auto payload = frames.next();
      if (!payload) return;
      if (!*payload) break;
      require((*payload)->size() <= kMaxFrameBytes);
      try_payload(**payload);
    }
  }
}

}  // namespace
}  // namespace hearth::engine

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  hearth::engine::try_stream({reinterpret_cast<const char*>(data), size});
  return 0;
}
