// SPDX-License-Identifier: MIT
// Steps that work row by row, or value by value: each thread takes a run of rows (or all of them,
// in its own memory), so steps of this kind that follow one another need no barrier. What they
// compute is defined in graph/ops.h.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "backend/cpu/step.h"

namespace hearth::cpu {
namespace {

// Calls f(row index) for the thread's share of the rows of `place`.
template <class F>
void for_rows(const Frame& frame, const Place& place, int thread, F&& f) {
  const Slice share = row_share(frame, place, thread);
  for (int64_t i = share.begin; i < share.end; ++i) f(i);
}

}  // namespace

StepFn embed_step(const KernelTable& k, const graph::WeightRef& table, float scale, Place out) {
  const auto decode = k.decode_row[static_cast<int>(weight_of(table.type))];
  const int64_t bytes = row_bytes(table.type, table.shape.cols());
  return [=, &k, data = table.data](const Frame& frame, int thread) {
    for_rows(frame, out, thread, [&](int64_t i) {
      float* to = row_of(frame, out, i);
      decode(data + frame.batch->tokens[static_cast<size_t>(i)] * bytes, out.width, to);
      if (scale != 1.0f) k.scale(to, scale, out.width, to);
    });
  };
}

StepFn embed_row_step(const KernelTable& k, const graph::WeightRef& table,
                      std::span<const int32_t> backend::Batch::*of, Place out) {
  const auto decode = k.decode_row[static_cast<int>(weight_of(table.type))];
  const int64_t bytes = row_bytes(table.type, table.shape.cols());
  return [=, data = table.data](const Frame& frame, int thread) {
    for_rows(frame, out, thread, [&](int64_t i) {
      const auto& rows = (*frame.batch).*of;
      const int32_t at = rows.empty() ? 0 : rows[static_cast<size_t>(i)];
      decode(data + at * bytes, out.width, row_of(frame, out, i));
    });
  };
}

StepFn norm_step(const KernelTable& k, const graph::Norm& op, const float* weight,
                 const float* bias, Place x, Place out) {
  return
      [=, &k, kind = op.kind, eps = op.eps, segment = op.segment](const Frame& frame, int thread) {
        for_rows(frame, out, thread, [&](int64_t i) {
          const float* from = row_of(frame, x, i);
          float* to = row_of(frame, out, i);
          for (int begin = 0; begin < out.width; begin += segment) {
            if (kind == graph::NormKind::kRms) {
              k.rms_norm(from + begin, weight, eps, segment, to + begin);
              if (bias != nullptr) k.add(to + begin, bias, segment, to + begin);
            } else {
              k.layer_norm(from + begin, weight, bias, eps, segment, to + begin);
            }
          }
        });
      };
}

StepFn prepare_step(const KernelTable& k, Form form, Place x, Place prepared) {
  return [=, &k](const Frame& frame, int thread) {
    const int n_prompt = form == Form::kByRole ? frame.n_prompt : 0;
    for_rows(frame, x, thread, [&](int64_t i) {
      if (i < n_prompt) {
        auto* first = reinterpret_cast<ByteBlock*>(row_bytes_of(frame, prepared, 0));
        k.quantize_bytes(row_of(frame, x, i), x.width, first + i, byte_block_stride(n_prompt));
        return;
      }
      k.quantize_act(row_of(frame, x, i), x.width,
                     reinterpret_cast<ActBlock*>(row_bytes_of(frame, prepared, i)));
    });
  };
}

StepFn angles_step(graph::RopeTable table, Place out) {
  return [table = std::move(table), out](const Frame& frame, int thread) {
    const size_t pairs = table.frequency.size();
    for_rows(frame, out, thread, [&](int64_t i) {
      float* cos = row_of(frame, out, i);
      table.angles(frame.batch->positions[static_cast<size_t>(i)], {cos, pairs},
                   {cos + pairs, pairs});
    });
  };
}

StepFn rope_step(const KernelTable& k, const graph::Rope& op, Place x, Place angles, Place out) {
  const auto rotate = op.spec.order == graph::PairOrder::kHalves ? k.rope_half : k.rope_interleaved;
  return [=](const Frame& frame, int thread) {
    const int pairs = op.spec.n_rot / 2;
    for_rows(frame, out, thread, [&](int64_t i) {
      float* to = row_of(frame, out, i);
      std::memcpy(to, row_of(frame, x, i), static_cast<size_t>(out.width) * sizeof(float));
      const float* cos = row_of(frame, angles, i);
      for (int h = 0; h < op.n_heads; ++h) {
        rotate(to + h * op.head_size + op.offset, cos, cos + pairs, pairs);
      }
    });
  };
}

StepFn scale_by_position_step(const KernelTable& k, const graph::ScaleByPosition& op, Place x,
                              Place out) {
  return [=, &k](const Frame& frame, int thread) {
    for_rows(frame, out, thread, [&](int64_t i) {
      const int32_t position = frame.batch->positions[static_cast<size_t>(i)];
      const float steps = static_cast<float>(position / op.floor_scale);
      const float factor = 1.0f + op.temperature * std::log(1.0f + steps);
      k.scale(row_of(frame, x, i), factor, out.width, row_of(frame, out, i));
    });
  };
}

StepFn add_step(const KernelTable& k, Place a, Place b, Place out, Share share) {
  return [=, &k](const Frame& frame, int thread) {
    for_values(frame, out, thread, share, [&](int64_t i, int64_t begin, int n) {
      k.add(row_of(frame, a, i) + begin, row_of(frame, b, i) + begin, n,
            row_of(frame, out, i) + begin);
    });
  };
}

StepFn scale_step(const KernelTable& k, float factor, Place x, Place out, Share share) {
  return [=, &k](const Frame& frame, int thread) {
    for_values(frame, out, thread, share, [&](int64_t i, int64_t begin, int n) {
      k.scale(row_of(frame, x, i) + begin, factor, n, row_of(frame, out, i) + begin);
    });
  };
}

StepFn soft_cap_step(const KernelTable& k, float cap, Place x, Place out, Share share) {
  return [=, &k](const Frame& frame, int thread) {
    for_values(frame, out, thread, share, [&](int64_t i, int64_t begin, int n) {
      k.soft_cap(row_of(frame, x, i) + begin, cap, n, row_of(frame, out, i) + begin);
    });
  };
}

namespace {

// out = act(gate) * up; up may be null (1).
void activate_values(const KernelTable& k, const graph::Activate& op, const float* gate,
                     const float* up, int n, float* out) {
  switch (op.act) {
    case graph::Act::kSilu:
      k.silu_mul(gate, up, n, out);
      return;
    case graph::Act::kGeluTanh:
      k.gelu_tanh_mul(gate, up, n, out);
      return;
    case graph::Act::kSwigluOai:
      k.swiglu_oai(gate, up, op.alpha, op.limit, n, out);
      return;
    case graph::Act::kGeluErf:
      for (int i = 0; i < n; ++i) {
        const float x = gate[i];
        const float y = 0.5f * x * (1.0f + std::erf(x * 0.70710678f));
        out[i] = up != nullptr ? y * up[i] : y;
      }
      return;
    case graph::Act::kRelu:
      for (int i = 0; i < n; ++i) {
        const float y = std::max(gate[i], 0.0f);
        out[i] = up != nullptr ? y * up[i] : y;
      }
      return;
  }
}

}  // namespace

StepFn activate_step(const KernelTable& k, const graph::Activate& op, Place gate, Place up,
                     Place out, Share share) {
  return [=, &k](const Frame& frame, int thread) {
    for_values(frame, out, thread, share, [&](int64_t i, int64_t begin, int n) {
      const float* u = up.exists() ? row_of(frame, up, i) + begin : nullptr;
      activate_values(k, op, row_of(frame, gate, i) + begin, u, n, row_of(frame, out, i) + begin);
    });
  };
}

StepFn slice_heads_step(const graph::SliceHeads& op, Place x, Place out) {
  return [=](const Frame& frame, int thread) {
    const int from_size = x.width / op.n_heads;
    for_rows(frame, out, thread, [&](int64_t i) {
      for (int h = 0; h < op.n_heads; ++h) {
        std::memcpy(row_of(frame, out, i) + h * op.width,
                    row_of(frame, x, i) + h * from_size + op.begin,
                    static_cast<size_t>(op.width) * sizeof(float));
      }
    });
  };
}

StepFn concat_heads_step(const graph::ConcatHeads& op, Place a, Place b, Place out) {
  return [=](const Frame& frame, int thread) {
    for_rows(frame, out, thread, [&](int64_t i) {
      float* to = row_of(frame, out, i);
      for (int h = 0; h < op.n_heads; ++h) {
        const float* from_a = row_of(frame, a, i) + h * op.a_size;
        const float* from_b = row_of(frame, b, i) + (op.b_shared ? 0 : h * op.b_size);
        to = std::copy_n(from_a, op.a_size, to);
        to = std::copy_n(from_b, op.b_size, to);
      }
    });
  };
}

StepFn gather_outputs_step(Place x, Place out) {
  return [=](const Frame& frame, int thread) {
    for_rows(frame, out, thread, [&](int64_t i) {
      const int32_t from = frame.batch->outputs[static_cast<size_t>(i)];
      std::copy_n(row_of(frame, x, from), out.width, row_of(frame, out, i));
    });
  };
}

}  // namespace hearth::cpu
