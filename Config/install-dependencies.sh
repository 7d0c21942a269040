#!/bin/bash
# Installs the packages of Debian 12 that Weighbridge is built and tested with.
# As root or with sudo; needs neither if nothing is missing. Can be run again at any time.
set -euo pipefail

# libuv, zstd, zlib and libpq are linked; pkg-config finds them; postgresql-15 has the programs for
# the private cluster and, through its dependencies, psql.
wanted=(libuv1-dev libzstd-dev zlib1g-dev libpq-dev pkg-config postgresql-15)

installed() {
  dpkg-query --show --showformat='${db:Status-Status}\n' "$1" 2>/dev/null |
    grep --quiet --line-regexp installed
}

missing=()
for package in "${wanted[@]}"; do
  installed "$package" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0
echo "installing: ${missing[*]}"

root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null ||
    { echo "missing: ${missing[*]}; install them as root, or run this with sudo" >&2; exit 1; }
  root=(sudo)
fi

# Debian starts a cluster at installation. It is not needed here, so for the length of the
# installation it is told not to; what was configured by others stays as it is.
setting=/etc/postgresql-common/createcluster.d/weighbridge.conf
if [[ " ${missing[*]} " == *" postgresql-15 "* ]]; then
  trap '"${root[@]}" rm -f "$setting"' EXIT
  "${root[@]}" mkdir -p "${setting%/*}"
  echo "create_main_cluster = false" | "${root[@]}" tee "$setting" >/dev/null
fi

"${root[@]}" apt-get update -q -o DPkg::Lock::Timeout=300
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes -q \
  --no-install-recommends -o DPkg::Lock::Timeout=300 "${missing[@]}"
