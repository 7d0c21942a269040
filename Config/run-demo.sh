#!/bin/bash
# Weighbridge from end to end: usage in, acks out, rollups in Postgres, a month finalized.
# As root or as a user with sudo. Everything lies in a scratch directory that is gone afterwards.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec </dev/null

say() { printf '\n=== %s\n' "$*"; }
fail() { echo "run-demo: $*" >&2; exit 1; }

# show COMMAND...: prints a command as one would type it, and runs it.
show() {
  local words=("$@") index
  [ "${words[0]}" != "$program" ] || words[0]=weighbridge
  for index in "${!words[@]}"; do
    [[ "${words[index]}" != *" "* ]] || words[index]="\"${words[index]}\""
  done
  printf '$ %s\n' "${words[*]//"$scratch"/\$SCRATCH}"
  "$@"
}

# The scratch directory is under /tmp because user postgres must be able to reach it.
scratch=$(mktemp -d /tmp/weighbridge-demo.XXXXXX)
service=
clean_up() {
  local status=$?
  trap - EXIT
  if [ -n "$service" ] && kill -CONT "$service" 2>/dev/null; then
    kill -TERM "$service" 2>/dev/null || true
    for _ in $(seq 400); do kill -0 "$service" 2>/dev/null || break; sleep 0.1; done
    kill -KILL "$service" 2>/dev/null || true
  fi
  # A service that was killed leaves its Postgres; the first line of this file is its process.
  local postmaster
  if postmaster=$(head -n 1 "$scratch/data/postgres/data/postmaster.pid" 2>/dev/null); then
    kill -INT "$postmaster" 2>/dev/null || true
    for _ in $(seq 100); do kill -0 "$postmaster" 2>/dev/null || break; sleep 0.1; done
  fi
  if [ "$status" -ne 0 ] && [ -s "$scratch/service.log" ]; then
    echo "--- the end of the service's log" >&2
    tail -n 30 "$scratch/service.log" >&2
  fi
  rm -rf "$scratch"
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
chmod 711 "$scratch"

say "Build"
Config/install-dependencies.sh
swift build -c release --scratch-path .build-demo --product weighbridge
program=$(swift build -c release --scratch-path .build-demo --show-bin-path)/weighbridge

say "Start the service, with a Postgres of its own, in a scratch directory"
# taken PORT: whether somebody listens at a port (state 0A of TCP) or has it for UDP.
taken() {
  awk -v port=":$(printf '%04X' "$1")$" '
    $2 ~ port && (FILENAME ~ /udp/ || $4 == "0A") {found = 1}
    END {exit !found}' /proc/net/tcp* /proc/net/udp*
}
port=4040
while taken "$port"; do port=$((port + 1)); done
config=$scratch/weighbridge.yaml
sed -e "s|^dataDirectory: .*|dataDirectory: $scratch/data|" \
  -e "s|127.0.0.1:4040|127.0.0.1:$port|" -e 's|closeGrace: .*|closeGrace: 0s|' \
  -e 's|diskReserve: .*|diskReserve: 256MiB|' -e 's|interval: 10s|interval: 1s|' \
  Config/weighbridge.yaml >"$config"
"$program" serve --config "$config" 2>"$scratch/service.log" &
service=$!
for _ in $(seq 600); do
  kill -0 "$service" 2>/dev/null || fail "the service does not start"
  if "$program" status --config "$config" >/dev/null 2>&1; then break; fi
  sleep 0.1
done
show "$program" status --config "$config"

# Times: the last three hours of last month, and today as far as it belongs to this month.
now=$(date +%s)
month_start=$(date -u -d "$(date -u -d "@$now" +%Y-%m-01)" +%s)
last_month=$(date -u -d "@$((month_start - 1))" +%Y-%m)
today=$((now - 7200 > month_start ? now - 7200 : month_start))
send() { show "$program" send --config "$config" "$@"; }

say "An access log, by TCP; then grown, by UDP: what was there counts once"
{
  Config/sample-data.sh access-log web-1 6000 $((month_start - 10800)) "$month_start"
  Config/sample-data.sh access-log web-2 14000 "$today" "$now"
} >"$scratch/access.log.1"
head -n 15000 "$scratch/access.log.1" >"$scratch/access.log"
log=(--source web-1 --format combined --tenant acme)
send "${log[@]}" --transport tcp "$scratch/access.log"
send "${log[@]}" --transport udp "$scratch/access.log.1"

say "Mixed records of another source by UDP, while the service stands still for two seconds"
{
  Config/sample-data.sh records worker-last 20000 $((month_start - 10800)) "$month_start"
  Config/sample-data.sh records worker-today 80000 "$today" "$now"
} >"$scratch/usage.ndjson"
# With --server the sender need not ask the service where it listens.
kill -STOP "$service"
(sleep 2; kill -CONT "$service") &
send --source worker-1 --server "127.0.0.1:$port" --transport udp "$scratch/usage.ndjson"

say "The same records once more, by TCP: all of them are duplicates"
send --source worker-1 --transport tcp "$scratch/usage.ndjson"

say "Hourly rollups"
sleep 3
show "$program" rollups --config "$config" --tenant acme --operation report_render
"$program" rollups --config "$config" --format csv | awk 'END {print NR - 1 " rows in all"}'

say "Finalize $last_month"
show "$program" period finalize --period "$last_month" --config "$config"
show "$program" period list --config "$config"

say "A direct write to $last_month is refused by the database, even to its superuser"
socket=$(awk -F"'" '/^unix_socket_directories/ {print $2}' \
  "$scratch/data/postgres/data/postgresql.conf")
sql=(psql -X -v SHOW_CONTEXT=never -h "$socket" -U postgres -d weighbridge)
write="UPDATE weighbridge.usage_hourly SET quantity = 0
  WHERE tenant = 'acme' AND hour < to_timestamp($month_start)"
echo "$write"
if "${sql[@]}" -c "$write" 2>"$scratch/refusal"; then fail "the write was not refused"; fi
cat "$scratch/refusal"
grep -q BILLING_PERIOD_LOCKED "$scratch/refusal" || fail "refused for another reason"

say "A late record for $last_month is booked as an adjustment of this month"
Config/sample-data.sh records late 1 $((month_start - 3600)) "$month_start" >"$scratch/late.ndjson"
cat "$scratch/late.ndjson"
send --source worker-1 --transport udp "$scratch/late.ndjson"
sleep 3
show "$program" adjustments --config "$config"
booked=$("${sql[@]}" -At -c "SELECT sum(records) FROM weighbridge.usage_adjustments")
[ "$booked" = 1 ] || fail "$booked late records were booked, not 1"

say "That record was wrong: amended, with both sides kept; $last_month stays as it is"
hour=$(date -u -d "@$((month_start - 3600))" +%Y-%m-%dT%H:00:00Z)
show "$program" amend --config "$config" --tenant acme --key late-1 --hour "$hour" \
  --quantity 5 --reason "the counter was read too early"
sleep 3
show "$program" adjustments --config "$config"
booked=$("${sql[@]}" -At -c "SELECT sum(quantity) FROM weighbridge.usage_adjustments")
[ "$booked" = 5 ] || fail "a quantity of $booked was booked, not 5"

say "A certificate of $last_month, signed; anybody can check it"
certificate=$scratch/acme-$last_month.json
show "$program" certificate --config "$config" --period "$last_month" --tenant acme \
  --output "$certificate"
public_key=$("$program" certificate key --config "$config" | head -n 1)
show "$program" certificate check "$certificate" --public-key "$public_key" --config "$config"

say "Verify: recompute everything from the log and compare it with Postgres"
show "$program" verify --config "$config"

say "Stop"
kill -TERM "$service"
wait "$service" || fail "the service did not stop cleanly"
service=
echo "the service has flushed and stopped; the demo took $SECONDS s"
