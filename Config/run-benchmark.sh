#!/bin/bash
# Loads a release build on this machine over loopback, and checks its totals against Postgres.
# Usage: Config/run-benchmark.sh [quick|keys|full|stages] [JSON-FILE]
#        Config/run-benchmark.sh sealed [KEYS] [JSON-FILE]
#   quick   the main loads, and receiving and acking alone; under 3 minutes after the build
#   keys    20 million keys in the window, and the memory that the service takes for them
#   full    every combination of transport, size, keys, HMAC and sources, latency at 25, 50 and 75 %
#           of the peak, and the rates of other programs, as far as they are installed: Postgres
#           alone, Redis (redis-server), nfcapd (nfdump) and nfacctd (pmacct); then the stages; half
#           an hour
#   stages  what each step of a record's way costs alone, and that no record allocates
#   sealed  so many keys, by default 100 million, in sorted runs on this disk: every answer is
#           compared with the truth, across merges, restarts and expiry; 3 minutes, 24 bytes a key
# One table is printed; all figures go to the JSON file, by default one below .build-benchmarks, and
# those of the stages, in a full run, to a second one beside it, FILE-stages.json.
# Exit code 1 if any sum differs from what was sent, an answer from the truth, or a stage allocates
# more than it may.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec </dev/null

usage() { sed -n '2,18s/^# //p' "${BASH_SOURCE[0]}"; }
mode=${1:-quick}
case $mode in
  quick | keys | full | stages) ;;
  sealed)
    if [[ ${2:-} =~ ^[0-9]+$ ]]; then
      keys=$2
      set -- "$mode" "${@:3}"
    fi
    ;;
  -h | --help) usage; exit 0 ;;
  *) usage >&2; exit 2 ;;
esac
[ $# -le 2 ] || { usage >&2; exit 2; }
target=${2:-.build-benchmarks/$mode-$(date -u +%Y%m%dT%H%M%SZ).json}

Config/install-dependencies.sh
echo "building for release"
build=(swift build -c release --package-path Benchmarks --scratch-path .build-benchmarks)
# The service is built through the nested package too: one build of everything.
for product in weighbridge loadgen stagecheck keycheck; do
  "${build[@]}" --product "$product" | tail -n 1
done
programs=$("${build[@]}" --show-bin-path)
echo
status=0
if [ "$mode" != stages ] && [ "$mode" != sealed ]; then
  "$programs/loadgen" suite "$mode" --serve "$programs/weighbridge" --json "$target" || status=1
  echo
fi
case $mode in
  sealed)
    "$programs/keycheck" --keys "${keys:-100000000}" --directory .build-benchmarks \
      --json "$target" || status=1
    ;;
  stages) "$programs/stagecheck" --json "$target" || status=1 ;;
  full) "$programs/stagecheck" --json "${target%.json}-stages.json" || status=1 ;;
esac
exit $status
