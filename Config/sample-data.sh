#!/bin/bash
# Prints made-up usage, evenly spread from one time to another; the same arguments, the same text.
# Usage: Config/sample-data.sh access-log NAME COUNT FROM TO    lines in the format combined
#        Config/sample-data.sh records NAME COUNT FROM TO       NDJSON; keys begin with NAME
# FROM and TO are seconds since 1970; another NAME makes another text.
set -euo pipefail

if [ $# -ne 5 ] || [[ $1 != access-log && $1 != records ]]; then
  sed -n '2,5s/^# //p' "${BASH_SOURCE[0]}" >&2
  exit 2
fi

LC_ALL=C TZ=UTC awk -v kind="$1" -v name="$2" -v count="$3" -v from="$4" -v to="$5" '
  # Numbers from 0 to below limit: the generator of Park and Miller, the same in every awk.
  function next_number(limit) {
    state = (state * 16807) % 2147483647
    return int(state / 2147483647 * limit)
  }
  function pick(list,    n, parts) {
    n = split(list, parts, ",")
    return parts[next_number(n) + 1]
  }
  function access_line(at,    status) {
    status = pick("200,200,200,304,404")
    return sprintf("192.0.2.%d - - [%s] \"%s HTTP/1.1\" %s %s \"-\" \"%s\"",
      1 + next_number(200), strftime("%d/%b/%Y:%H:%M:%S +0000", at),
      pick("GET /v1/tasks,GET /v1/tasks,POST /v1/tasks,GET /v1/tasks/" 1 + next_number(9999) \
        ",GET /v1/search?q=" next_number(99)),
      status, status == 304 ? "-" : 200 + next_number(20000),
      pick("curl/8.5,Mozilla/5.0 (X11; Linux x86_64)"))
  }
  function record(number, at,    usage, size) {
    usage = pick("traffic,compute,compute,storage")
    if (usage == "traffic") {
      operation = pick("GET /v1/tasks,POST /v1/tasks,GET /v1/search")
      size = 200 + next_number(20000)
    } else if (usage == "compute") {
      operation = pick("task_create,task_update,search_query,report_render")
      size = 1 + next_number(3)
    } else {
      size = 1024 * (1 + next_number(4096))
      operation = "attachment_upload"
      if (next_number(3) == 0) { operation = "attachment_delete"; size = -size }
    }
    return sprintf("{\"tenant\":\"%s\",\"kind\":\"%s\",\"operation\":\"%s\",\"quantity\":%d," \
      "\"time\":%.0f,\"key\":\"%s-%d\",\"context\":{\"type\":\"project\",\"name\":\"%s\"}}",
      pick("acme,globex"), usage, operation, size, at * 1000 + next_number(1000), name, number,
      pick("apollo,gemini"))
  }
  BEGIN {
    state = 1
    for (i = 1; i <= length(name); i++)
      state = (state * 31 + index("abcdefghijklmnopqrstuvwxyz0123456789-.", substr(name, i, 1))) \
        % 2147483646 + 1
    for (i = 0; i < count; i++) {
      at = from + int((to - from) * i / count)
      print kind == "records" ? record(i + 1, at) : access_line(at)
    }
  }'
