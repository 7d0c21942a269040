#!/bin/bash
# Runs the tests, and the services that they start, under a sanitizer. It builds below
# .build-address or .build-thread. Fails if a test fails or if any process had a report, which is
# printed at the end.
# Usage: Config/run-sanitizers.sh address|thread [options of swift test, such as --filter WireTests]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

sanitizer=${1:-}
case $sanitizer in
  address | thread) shift ;;
  *) echo "usage: Config/run-sanitizers.sh address|thread [options of swift test]" >&2; exit 2 ;;
esac

Config/install-dependencies.sh

scratch=$PWD/.build-$sanitizer
log=$scratch/tests.log
# One file for each process with a report: nobody may be left to read what a service printed.
reports=$scratch/reports
rm -rf "$reports"
mkdir -p "$reports"
# 66 is no exit status of weighbridge; ServiceTests know it.
common="log_path='$reports/report':exitcode=66"
case $sanitizer in
  # The test runner itself has leaks at its end, which would fail every run.
  address) export ASAN_OPTIONS="$common:detect_leaks=0:${ASAN_OPTIONS:-}" ;;
  thread)
    common+=":suppressions='$PWD/Config/thread-sanitizer.supp'"
    export TSAN_OPTIONS="$common:halt_on_error=1:second_deadlock_stack=1:${TSAN_OPTIONS:-}" ;;
esac

# The shadow memory has fixed addresses, which randomised mappings of newer kernels may take.
fixed=()
if setarch "$(uname -m)" --addr-no-randomize true 2>/dev/null; then
  fixed=(setarch "$(uname -m)" --addr-no-randomize)
fi
status=0
"${fixed[@]}" swift test --sanitize "$sanitizer" --scratch-path "$scratch" "$@" </dev/null 2>&1 |
  tee "$log" | grep --line-buffered -vE '^[^ ]+ (Test|Suite) .*(started|passed)' || status=1

for report in "$reports"/*; do
  [ -e "$report" ] || continue
  status=1
  cat "$report" >&2
done
if [ "$status" -ne 0 ]; then
  echo "FAILED under the $sanitizer sanitizer; all output is in $log" >&2
  exit 1
fi
grep -E 'Test run with [1-9][0-9]* tests?' "$log" ||
  { echo "no test ran; see $log" >&2; exit 1; }
