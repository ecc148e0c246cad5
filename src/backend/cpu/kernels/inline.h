// SPDX-License-Identifier: MIT
// HEARTH_INLINE: for functions whose values must stay in registers. Not under sanitizers, where so
// much instrumented code in one function takes minutes to compile. HEARTH_OWN_FUNCTION: for those
// that want all registers for themselves and would lose some of them where they are inlined.
#pragma once

#ifdef HEARTH_SANITIZED
#define HEARTH_INLINE
#else
#define HEARTH_INLINE __attribute__((always_inline))
#endif

#define HEARTH_OWN_FUNCTION __attribute__((noinline))
