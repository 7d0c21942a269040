#!/bin/bash
# Loads a release build on this machine over loopback, and checks its totals against Postgres.
# Usage: Config/run-benchmark.sh [quick|keys|full] [JSON-FILE]
#   quick  UDP, 1.4 KB, 16-byte keys, without and with HMAC, and receiving and acking alone
#   keys   20 million keys in the window, and the memory that the service takes for them
#   full   the matrix of transports, sizes, keys, HMAC and sources, and latency below the peak
# The figures of all runs go to the JSON file as one array.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mode=${1:-quick}
target=${2:-}
case $mode in
  quick | keys | full) ;;
  *) echo "usage: Config/run-benchmark.sh [quick|keys|full] [JSON-FILE]" >&2; exit 2 ;;
esac

Config/install-dependencies.sh
echo "building for release"
build=(swift build -c release --package-path Benchmarks --scratch-path .build-benchmarks)
# The service is built through the nested package too: one build of everything.
for product in weighbridge loadgen; do "${build[@]}" --product "$product" | tail -n 1; done
programs=$("${build[@]}" --show-bin-path)

figures=$(mktemp -d)
trap 'rm -rf "$figures"' EXIT
runs=0

# load HEADING LOADGEN-OPTIONS...
load() {
  echo
  echo "=== $1"
  shift
  runs=$((runs + 1))
  "$programs/loadgen" run --json "$figures/$(printf '%03d' "$runs")" "$@"
}
service=(--serve "$programs/weighbridge" --verify)

seconds=8
if [ "$mode" = keys ]; then
  load "20 million keys in the window" "${service[@]}" --records 21060000
else
  load "UDP 1.4 KB, receiving and acking alone" --sink --seconds 3
  load "UDP 1.4 KB, 16-byte keys" "${service[@]}" --seconds $seconds
  load "UDP 1.4 KB, 16-byte keys, HMAC-SHA-256" "${service[@]}" --seconds $seconds --hmac on
fi
if [ "$mode" = full ]; then
  load "UDP 8 KB, 16-byte keys" "${service[@]}" --seconds $seconds --datagram 8000
  load "UDP 1.4 KB, 50-byte text keys" "${service[@]}" --seconds $seconds --keys text50
  load "UDP 1.4 KB, 64 sources" "${service[@]}" --seconds $seconds --sources 64 --window 8
  load "UDP 1.4 KB, 2 % conflicts" "${service[@]}" --seconds $seconds --conflicts 2
  load "TCP, receiving and acking alone" --sink --seconds 3 --transport tcp --datagram 8000
  load "TCP, 16-byte keys" "${service[@]}" --seconds $seconds --transport tcp --datagram 8000
  load "TCP, 16-byte keys, HMAC-SHA-256" "${service[@]}" --seconds $seconds --transport tcp \
    --datagram 8000 --hmac on
  load "UDP 1.4 KB, 1 million records/s on a schedule" "${service[@]}" --seconds $seconds \
    --rate 1000000 --window 4096
fi

if [ -n "$target" ]; then
  {
    echo "["
    first=1
    for file in "$figures"/*; do
      [ "$first" = 1 ] || echo ","
      first=0
      cat "$file"
    done
    echo "]"
  } >"$target"
  echo
  echo "figures: $target"
fi
