#!/bin/bash
# Loads a release build on this machine over loopback, and checks its totals against Postgres.
# Usage: Config/run-benchmark.sh [quick|keys]
#   quick  1.4 KB datagrams, 16-byte keys, without and with HMAC (about half a minute of load)
#   keys   20 million keys in the window, and the memory that the service takes for them
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mode=${1:-quick}
case $mode in
  quick | keys) ;;
  *) echo "usage: Config/run-benchmark.sh [quick|keys]" >&2; exit 2 ;;
esac

Config/install-dependencies.sh
echo "building for release"
swift build -c release --product weighbridge 2>&1 | tail -n 1
swift build -c release --package-path Benchmarks --scratch-path .build-benchmarks \
  --product loadgen 2>&1 | tail -n 1
service=$(swift build -c release --show-bin-path)/weighbridge
loadgen=$(swift build -c release --package-path Benchmarks --scratch-path .build-benchmarks \
  --show-bin-path)/loadgen

scratch=$(mktemp -d /tmp/weighbridge-benchmark.XXXXXX)
chmod 755 "$scratch"
pid=
finish() {
  [ -z "$pid" ] || { kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; }
  rm -rf "$scratch"
}
trap finish EXIT

echo "machine: $(nproc) cores, $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2-),"
echo "  Linux $(uname -r), $(stat -f -c %T "$scratch"), commit $(git rev-parse --short HEAD)"

# measure HEADING SERVICE-SETTINGS... -- LOADGEN-OPTIONS...
measure() {
  local heading=$1 settings=() data=$scratch/data
  shift
  while [ "$1" != -- ]; do settings+=("$1"); shift; done
  shift
  rm -rf "$data"
  "$service" serve --data-directory "$data" --ingest-udp 127.0.0.1:0 --ingest-tcp off \
    --dedup-maximum-keys 100000000 "${settings[@]}" 2>"$scratch/log" &
  pid=$!
  for _ in $(seq 300); do
    "$service" status --data-directory "$data" >/dev/null 2>&1 && break
    kill -0 "$pid" 2>/dev/null || { cat "$scratch/log" >&2; exit 1; }
    sleep 0.1
  done
  echo
  echo "=== $heading"
  "$loadgen" --data-directory "$data" "$@"
  "$service" verify --data-directory "$data"
  kill "$pid"
  wait "$pid"
  pid=
}

secret=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
echo "7 $secret benchmark" >"$scratch/keys"
chmod 600 "$scratch/keys"
if [ "$mode" = keys ]; then
  measure "20 million keys in the window" -- --records 21000000 --seconds 120
else
  measure "UDP, 1.4 KB, 16-byte keys" -- --seconds 8
  measure "UDP, 1.4 KB, 16-byte keys, HMAC-SHA-256" --authentication-mode required \
    --authentication-keys-file "$scratch/keys" -- --seconds 8 --key-id 7 --secret "$secret"
fi
