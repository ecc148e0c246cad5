// SPDX-License-Identifier: MIT
// hearth doctor: what this machine has and how fast it is, measured; what that means for models.
#include <nlohmann/json.hpp>
#include <optional>

#include "backend/cpu/kernel_table.h"
#include "backend/cpu/limits.h"
#include "base/units.h"
#include "cli/machine.h"
#include "cli/options.h"
#include "cli/verb.h"
#include "os/cpu_info.h"
#include "os/dirs.h"
#include "os/memory.h"
#include "os/sandbox.h"

namespace hearth::cli {
namespace {

class Doctor final : public Verb {
 public:
  void add_options(CLI::App& app) override {
    add_option(app, "-t,--threads", n_threads_, "Threads to measure with (all cores)")
        .within(1, 1024);
    add_option(app, "--buffer", buffer_mib_, "MiB of memory to read (four times the last cache)")
        .within(1, 1 << 20);
    add_flag(app, "--quick", quick_, "Measure nothing, only look");
  }

  Status run(Output& out) override {
    TRY(cpu::check_isa_choice());
    TRY_LET(const os::MemoryInfo memory, os::memory_info());
    std::optional<cpu::Limits> limits;
    if (!quick_) {
      if (!out.json()) out.note("measuring, about two seconds ...");
      const int threads = n_threads_ > 0 ? n_threads_ : os::cpu_info().usable_cores;
      const uint64_t buffer = buffer_mib_ > 0 ? buffer_mib_ * kMiB : cpu::limits_buffer_bytes();
      TRY_LET(limits, cpu::measure_limits(threads, buffer));
    }
    if (out.json()) {
      nlohmann::json facts = machine_facts();
      facts["sandbox"] = sandbox_json(os::sandbox_support());
      if (limits) facts["limits"] = limits_json(*limits);
      out.write_json(facts);
      return {};
    }
    show_machine(out, memory);
    if (limits) show_limits(out, *limits, memory);
    return {};
  }

 private:
  static nlohmann::json limits_json(const cpu::Limits& limits) {
    return {{"threads", limits.n_threads},
            {"isa", std::string(limits.isa)},
            {"buffer_bytes", limits.buffer_bytes},
            {"read_bytes_per_s", limits.read_bytes_per_s},
            {"read_bytes_per_s_one_thread", limits.read_bytes_per_s_one_thread},
            {"int8_macs_per_s", limits.int8_macs_per_s},
            {"int8_macs_per_s_one_thread", limits.int8_macs_per_s_one_thread}};
  }

  static nlohmann::json sandbox_json(const os::SandboxFacts& facts) {
    return {
        {"landlock_abi", facts.landlock_abi}, {"files", facts.files}, {"network", facts.network},
        {"signals", facts.signals},           {"calls", facts.calls}, {"missing", facts.missing}};
  }

  // What keeps a model's file from doing harm (the engine process of hearth serve).
  static std::string sandbox_line(const os::SandboxFacts& facts) {
    std::string line = fmt::format("Landlock {}, {}", facts.landlock_abi,
                                   facts.calls ? "filtered system calls" : "no filter");
    for (const std::string& missing : facts.missing) line += "; " + missing;
    return line;
  }

  static void show_machine(Output& out, const os::MemoryInfo& memory) {
    const os::CpuInfo& cpu = os::cpu_info();
    out.line("Processor         {}", printable(cpu.model));
    out.line("Cores             {} usable of {} ({} hardware threads usable){}", cpu.usable_cores,
             cpu.physical_cores, cpu.usable_cpus, cpu.hybrid ? ", of different kinds" : "");
    const auto size = [](uint64_t n) { return n == 0 ? std::string("unknown") : format_bytes(n); };
    out.line("Caches            {} L1, {} L2, {} L3", size(cpu.l1d_bytes), size(cpu.l2_bytes),
             size(cpu.l3_bytes));
    std::string names;
    for (const std::string_view name : cpu::machine_isa_names()) names += std::string(name) + " ";
    out.line("Instruction sets  {}(the kernels use {})", names, cpu::active_isa_name());
    out.line("Memory            {} free of {}", format_bytes(memory.available_bytes),
             format_bytes(memory.total_bytes));
    out.line("Sandbox           {}", sandbox_line(os::sandbox_support()));
    if (const auto home = os::hearth_home()) {
      out.line("Models lie in     {}", printable((*home / "models").string()));
    }
  }

  static void show_limits(Output& out, const cpu::Limits& limits, const os::MemoryInfo& memory) {
    const double gb_per_s = limits.read_bytes_per_s / kGiga;
    out.line("Reads memory at   {:.1f} GB/s with {} threads, {:.1f} with one", gb_per_s,
             limits.n_threads, limits.read_bytes_per_s_one_thread / kGiga);
    out.line("Int8 peak         {:.0f} billion multiply-adds/s with {} threads, {:.0f} with one",
             limits.int8_macs_per_s / kGiga, limits.n_threads,
             limits.int8_macs_per_s_one_thread / kGiga);
    out.line("");
    out.line("Each word of an answer reads the model's weights once, so these are upper bounds:");
    for (const double gb : {1.0, 4.0, 8.0, 16.0, 32.0}) {
      const bool is_large = gb * kGiga > static_cast<double>(memory.available_bytes);
      out.line("  {:>3.0f} GB of weights: {:6.1f} tokens/s{}", gb, gb_per_s / gb,
               is_large ? ", but more than the free memory" : "");
    }
  }

  int n_threads_ = 0;
  uint64_t buffer_mib_ = 0;
  bool quick_ = false;
};

}  // namespace

VerbInfo verb_doctor() {
  return {.name = "doctor",
          .summary = "What this machine has, and how fast it is",
          .examples = "hearth doctor\nhearth doctor --quick --json\nhearth doctor --threads 1",
          .has_json = true,
          .make = make_verb<Doctor>};
}

}  // namespace hearth::cli
