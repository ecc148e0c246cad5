// SPDX-License-Identifier: MIT
#include "arch/builder.h"

#include <fmt/format.h>

#include "base/check.h"

namespace hearth::arch {

WeightId Builder::global_if(const std::string& name) const {
  const auto at = bindings_.find(name);
  return at == bindings_.end() ? kNone : at->second;
}

WeightId Builder::global(const std::string& name) const {
  const WeightId id = global_if(name);
  CHECK(id != kNone);
  return id;
}

WeightId Builder::weight_if(std::string_view suffix) const {
  return global_if(fmt::format("blk.{}.{}", layer, suffix));
}

WeightId Builder::weight(std::string_view suffix) const {
  const WeightId id = weight_if(suffix);
  CHECK(id != kNone);
  return id;
}

ValueId Builder::add(graph::Op op, std::string_view name) {
  return graph_.add(std::move(op), fmt::format("blk.{}.{}", layer, name));
}

ValueId Builder::norm(ValueId x, std::string_view name, int segment) {
  return add(graph::Norm{.x = x,
                         .weight = weight(fmt::format("{}.weight", name)),
                         .bias = weight_if(fmt::format("{}.bias", name)),
                         .kind = spec.norm,
                         .eps = hp.norm_eps,
                         .segment = segment},
             name);
}

ValueId Builder::global_norm(ValueId x, const std::string& name) {
  return add_global(graph::Norm{.x = x,
                                .weight = global(name + ".weight"),
                                .bias = global_if(name + ".bias"),
                                .kind = spec.norm,
                                .eps = hp.norm_eps,
                                .segment = width(x)},
                    name);
}

ValueId Builder::scale_by_position(ValueId x) {
  if (hp.attn_temperature == 0) return x;
  int floor_scale = hp.attn_temperature_floor;
  if (floor_scale == 0) floor_scale = hp.rope_ctx_orig > 0 ? hp.rope_ctx_orig : hp.P;
  return add(graph::ScaleByPosition{x, hp.attn_temperature, floor_scale}, "q_scaled");
}

int Builder::window(int i_layer) const {
  if (!spec.window) return 0;
  const int width = hp.window >= 0 ? hp.window : spec.window->width;
  if (!hp.window_layers.empty()) {
    return hp.window_layers[static_cast<size_t>(i_layer)] ? width : 0;
  }
  const int period = hp.window_period > 0 ? hp.window_period : spec.window->period;
  return period == 0 || i_layer % period != period - 1 ? width : 0;
}

float Builder::cap(float of_file, float SoftCaps::*of_spec) const {
  if (!spec.soft_caps) return 0.0f;
  return of_file >= 0 ? of_file : (*spec.soft_caps).*of_spec;
}

}  // namespace hearth::arch
