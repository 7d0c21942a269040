#!/bin/bash
# Installs what is missing, builds, and passes all tests. As root or as a user with sudo.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec </dev/null

# step HEADING COMMAND...: runs a command under a heading and says how long it took.
step() {
  local heading=$1 began=$SECONDS
  shift
  echo "=== $heading"
  if ! "$@"; then
    echo "=== $heading: FAILED after $((SECONDS - began)) s" >&2
    exit 1
  fi
  echo "=== $heading: $((SECONDS - began)) s"
}

# The tests; their totals are repeated in one line.
run_tests() {
  local log=.build/tests.log
  mkdir -p .build
  if ! swift test --skip-build 2>&1 | tee "$log" | grep -vE '^[^ ]+ (Test|Suite) .*(started|passed)'
  then
    echo "to repeat one: swift test --filter NAME" >&2
    return 1
  fi
  grep -E 'Test run with [1-9][0-9]* tests' "$log" | tail -n 1
}

step "dependencies" Config/install-dependencies.sh
step "build" swift build --build-tests
step "imports are dependencies" swift build --explicit-target-dependency-import-check error
step "tests" run_tests
step "fuzz, a short run" Config/run-fuzz.sh --seconds 10
echo "=== all passed in $SECONDS s"
