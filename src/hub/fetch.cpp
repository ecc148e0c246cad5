// SPDX-License-Identifier: MIT
#include "hub/fetch.h"

#include <array>
#include <csignal>
#include <nlohmann/json.hpp>

#include "base/env.h"
#include "base/json.h"
#include "hub/fetch_script.h"
#include "hub/json_field.h"
#include "os/dirs.h"
#include "os/memory_file.h"
#include "os/socket_pair.h"

namespace hearth::hub {
namespace {

constexpr size_t kMaxLine = 64u << 10;  // a line of the script has some hundred bytes
constexpr const char* kInstall = "install it with: apt install python3 python3-pip";

// What Python, pip and the programs that pip starts go by. Every PIP_ variable is passed on too.
const std::vector<std::string>& passed_on() {
  static const std::vector<std::string> names = {"PATH",
                                                 "HOME",
                                                 "LANG",
                                                 "LC_ALL",
                                                 "LC_CTYPE",
                                                 "TMPDIR",
                                                 "VIRTUAL_ENV",
                                                 "NETRC",
                                                 "XDG_CONFIG_HOME",
                                                 "XDG_CONFIG_DIRS",
                                                 "LD_LIBRARY_PATH",
                                                 "http_proxy",
                                                 "HTTP_PROXY",
                                                 "https_proxy",
                                                 "HTTPS_PROXY",
                                                 "all_proxy",
                                                 "ALL_PROXY",
                                                 "no_proxy",
                                                 "NO_PROXY",
                                                 "SSL_CERT_FILE",
                                                 "SSL_CERT_DIR",
                                                 "REQUESTS_CA_BUNDLE",
                                                 "CURL_CA_BUNDLE"};
  return names;
}

std::vector<std::string> environment_for(const std::filesystem::path& home) {
  std::vector<std::string> names = passed_on();
  for (std::string& name : env_names("PIP_")) names.push_back(std::move(name));
  std::vector<std::string> all = os::named_environment(names);
  all.push_back("HEARTH_HOME=" + home.string());
  return all;
}

std::optional<FetchStage> stage_of(std::string_view name) {
  if (name == "waiting") return FetchStage::kWaiting;
  if (name == "checking") return FetchStage::kChecking;
  if (name == "downloading") return FetchStage::kDownloading;
  if (name == "unpacking") return FetchStage::kUnpacking;
  if (name == "writing") return FetchStage::kWriting;
  return std::nullopt;
}

// A missing interpreter is the one failure that has a cure.
Failure cannot_start(Error error, const std::string& python) {
  if (error.code != ErrorCode::kNotFound) return Failure(std::move(error));
  return with_hint(io_error("{} is missing, which fetches models", python), "{}", kInstall);
}

}  // namespace

Result<Fetch> Fetch::start(const FetchSettings& settings, const std::string& name) {
  std::filesystem::path home = settings.home;
  if (home.empty()) {
    TRY_LET(home, os::hearth_home());
  }
  TRY_LET(const os::FileHandle script, os::memory_file("fetch_model", kFetchScript));
  TRY_LET(const os::FileHandle catalogue,
          os::memory_file("catalogue.json", settings.catalogue->text()));
  TRY_LET(os::SocketPair sockets, os::make_socket_pair());
  TRY_LET(os::AnyReadable ready, os::AnyReadable::make());
  const std::string given = fmt::format("/proc/self/fd/{}", os::kChannelDescriptor);
  // -I: neither variables nor the current folder change what Python is.
  auto child = os::SpawnedChild::start({.program = settings.python,
                                        .args = {"-I", "-", "--json", "--catalogue", given, name},
                                        .environment = environment_for(home),
                                        .channel = &catalogue,
                                        .input = &script,
                                        .output = &sockets.theirs});
  if (!child) return cannot_start(child.error(), settings.python);
  TRY(ready.add(sockets.ours.get()));
  TRY(ready.add(child->end_descriptor()));
  return Fetch(*std::move(child), std::move(sockets.ours), std::move(ready));
}

std::vector<FetchStep> Fetch::advance() {
  std::vector<FetchStep> steps;
  if (over_) return steps;
  // Asked first: all that was written before its end can be read then.
  const auto end = child_.poll_end();
  do {
    read(steps);
  } while (end && output_.is_open() && os::wait_until_readable(output_, 0));
  if (end) finish(*end);
  return steps;
}

// What is there; closes the output where it has ended, or holds what no script says.
void Fetch::read(std::vector<FetchStep>& steps) {
  if (!output_.is_open() || !os::wait_until_readable(output_, 0)) return;
  std::array<char, kMaxLine> buffer;
  const auto n = os::receive_some(output_, buffer);
  if (!n || *n == 0) {
    output_.close();
    return;
  }
  unread_.append(buffer.data(), *n);
  size_t begin = 0;
  Status taken;
  for (size_t end = unread_.find('\n'); taken && end != std::string::npos;
       end = unread_.find('\n', begin)) {
    taken = take_line(std::string_view(unread_).substr(begin, end - begin), steps);
    begin = end + 1;
  }
  unread_.erase(0, begin);
  if (taken && unread_.size() > kMaxLine) taken = corrupt("a line without an end");
  if (taken) return;
  last_word_ = with_hint(Failure(within("fetching", taken.error())),
                         "is the python3 of PATH a Python of 3.9 or newer?");
  output_.close();
  kill();
}

Status Fetch::take_line(std::string_view line, std::vector<FetchStep>& steps) {
  const nlohmann::json said = parse_json(line);
  if (last_word_ || !said.is_object()) return corrupt("a line that is not the script's");
  if (const auto error = text_field(said, "error")) {
    last_word_ = io_error("{}", *error);
    return {};
  }
  if (text_field(said, "status") == "success") {
    last_word_ = Status{};
    return {};
  }
  const auto stage = stage_of(text_field(said, "stage").value_or(""));
  const auto name = text_field(said, "name");
  const auto done = count_field(said, "done");
  const auto total = count_field(said, "total");
  if (!stage || !name || !done || !total) return corrupt("a line that is not the script's");
  steps.push_back({*stage, *name, *done, *total});
  return {};
}

void Fetch::finish(const os::ChildEnd& end) {
  over_ = true;
  output_.close();
  if (last_word_ && *last_word_) return;
  if (stopped_) {
    result_ = with_hint(interrupted("the fetch was stopped"),
                        "what was fetched is kept, the next attempt goes on from there");
  } else if (last_word_) {
    result_ = *last_word_;
  } else {
    result_ = with_hint(io_error("the fetch ended without a word ({})", end.text()),
                        "what Python wrote says more; it must be 3.9 or newer");
  }
}

void Fetch::stop() {
  if (over_) return;
  stopped_ = true;
  child_.send_signal(SIGINT);  // at which the script puts away what is not whole
}

}  // namespace hearth::hub
