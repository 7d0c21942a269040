#!/bin/bash
# Feeds arbitrary bytes to the decoders under libFuzzer and the address sanitizer.
# Usage: Config/run-fuzz.sh [--seconds N] [wire] [segment]
# An input that fails is kept below .build-fuzz/found; the command that repeats it is printed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seconds=60
targets=()
while [ $# -gt 0 ]; do
  case $1 in
    --seconds) seconds=${2:?--seconds needs a number}; shift ;;
    wire | segment) targets+=("$1") ;;
    *) echo "usage: Config/run-fuzz.sh [--seconds N] [wire] [segment]" >&2; exit 2 ;;
  esac
  shift
done
[ ${#targets[@]} -gt 0 ] || targets=(wire segment)
[[ $seconds =~ ^[0-9]{1,6}$ ]] && [ "$seconds" -gt 0 ] ||
  { echo "--seconds is $seconds; a whole number from 1 to 999999 is allowed" >&2; exit 2; }

Config/install-dependencies.sh

declare -A product=([wire]=FuzzWire [segment]=FuzzSegment)
# Together with the address sanitizer the compiler adds coverage only where it is asked for.
options=(--package-path Tests/Fuzz --scratch-path .build-fuzz -c release
  --sanitize fuzzer --sanitize address
  -Xswiftc -sanitize-coverage=edge,inline-8bit-counters,pc-table)
build=.build-fuzz/build.log
mkdir -p .build-fuzz
failed=()
for target in "${targets[@]}"; do
  echo "fuzz $target for $seconds s"
  if ! swift build "${options[@]}" --product "${product[$target]}" >"$build" 2>&1 </dev/null; then
    cat "$build" >&2
    exit 1
  fi
  program=$(swift build "${options[@]}" --show-bin-path)/${product[$target]}
  # The corpus that grows is kept apart from the seeds, which are part of the source.
  corpus=.build-fuzz/corpus/$target
  found=.build-fuzz/found/$target
  mkdir -p "$corpus" "$found"
  log=.build-fuzz/$target.log
  if "$program" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=10 -print_final_stats=1 \
    -artifact_prefix="$found/" "$corpus" "Tests/Fuzz/Corpus/$target" </dev/null >"$log" 2>&1
  then
    awk '/stat::number_of_executed_units/ {runs = $2}
      / cov: / {for (i = 1; i < NF; i++) if ($i == "cov:") edges = $(i + 1)}
      END {
        printf "%d inputs, %d edges reached, no failure\n", runs, edges
        if (edges == 0) {print "the build has no coverage" > "/dev/stderr"; exit 1}
      }' "$log" || failed+=("$target")
  else
    failed+=("$target")
    tail -n 60 "$log" >&2
    echo "fuzz $target FAILED; to repeat it: $program FILE, with a file of $found" >&2
  fi
done
if [ ${#failed[@]} -gt 0 ]; then
  echo "failed: ${failed[*]}" >&2
  exit 1
fi
