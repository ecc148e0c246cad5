# SPDX-License-Identifier: MIT
# For ./run and ./test: runs a step, says what it is and how long it took. To standard error, so
# that standard output holds nothing but the answer.

# stage WORDS COMMAND...: says WORDS, runs the command, and its time once it took half a second.
stage() {
  local words=$1 begin=$EPOCHREALTIME status=0
  shift
  "$@" >&2 || status=$?
  local ms=$(((${EPOCHREALTIME/[.,]/} - ${begin/[.,]/}) / 1000))
  if [ "$status" -ne 0 ]; then
    echo "-- $words: FAILED after $(in_seconds $ms)" >&2
  elif [ "$ms" -ge 500 ]; then
    echo "-- $words: $(in_seconds $ms)" >&2
  fi
  return "$status"
}

# "3.2 s", "4 min 10 s" from milliseconds.
in_seconds() {
  if [ "$1" -lt 60000 ]; then
    echo "$(($1 / 1000)).$(($1 % 1000 / 100)) s"
  else
    echo "$(($1 / 60000)) min $(($1 / 1000 % 60)) s"
  fi
}

# build PRESET [TARGET...]: configures once, then builds what changed; quiet when nothing did.
build() {
  local preset=$1
  shift
  if [ ! -f "build/$preset/build.ninja" ]; then
    echo "Configuring build/$preset" >&2
    cmake --preset "$preset" >"build/$preset.log" 2>&1 || { cat "build/$preset.log" >&2; return 1; }
  fi
  NINJA_STATUS='[%f/%t] ' ninja -C "build/$preset" -j "$(nproc)" "$@" 2>&1 | show_progress
}

# Ninja's lines as one line that changes (terminal) or as a line every ten seconds; messages of the
# compiler in full; nothing when there was nothing to do.
show_progress() {
  local line next=$((SECONDS + 10)) open=no
  while IFS= read -r line; do
    case $line in
      'ninja: Entering'* | 'ninja: no work'* | '[0/'* | '-- '*) continue ;;
      '['[0-9]*/[0-9]*']'*)
        if [ -t 2 ]; then
          printf '\r\033[K%s' "${line:0:78}" >&2
          open=yes
        elif [ "$SECONDS" -ge "$next" ]; then
          echo "$line" >&2
          next=$((SECONDS + 10))
        fi
        continue
        ;;
    esac
    [ "$open" = no ] || printf '\r\033[K' >&2
    open=no
    echo "$line" >&2
  done
  [ "$open" = no ] || printf '\r\033[K' >&2
}
