#!/bin/bash
# Runs the tests under a sanitizer, with a build of its own below .build-address or .build-thread.
# Usage: Config/run-sanitizers.sh address|thread [options of swift test, such as --filter WireTests]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

sanitizer=${1:-}
case $sanitizer in
  # The test runner itself has leaks at its end, which would fail every run.
  address) export ASAN_OPTIONS=detect_leaks=0:${ASAN_OPTIONS:-} ;;
  thread) export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:${TSAN_OPTIONS:-} ;;
  *) echo "usage: Config/run-sanitizers.sh address|thread [options of swift test]" >&2; exit 2 ;;
esac
shift

Config/install-dependencies.sh

# The shadow memory has fixed addresses, which randomised mappings of newer kernels may take.
fixed=()
if setarch "$(uname -m)" --addr-no-randomize true 2>/dev/null; then
  fixed=(setarch "$(uname -m)" --addr-no-randomize)
fi
"${fixed[@]}" swift test --sanitize "$sanitizer" --scratch-path ".build-$sanitizer" "$@" </dev/null
