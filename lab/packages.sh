#!/bin/sh
# Install the missing Debian packages of the lab, or name them if that needs root.
set -eu
missing=""
for name in $NEED; do
    dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q '^install ok installed$' || missing="$missing $name"
done
if ! "$PYTHON" -c 'import ensurepip' 2>/dev/null; then
    version=$("$PYTHON" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])' 2>/dev/null || echo python3-venv)
    case "$missing" in *"$version"*) ;; *) missing="$missing $version" ;; esac
fi
[ -n "$missing" ] || exit 0
echo "== Debian packages needed:$missing"
if [ "$(id -u)" != 0 ]; then
    echo "   not root: run  apt-get install -y --no-install-recommends$missing  as root, then make again" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
# Tests start these programs themselves. A service of the package, now or at the next boot, would take their ports.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
apt-get install -y -q --no-install-recommends $missing >/dev/null 2>&1 || {
    apt-get update -q
    apt-get install -y -q --no-install-recommends $missing
}
for name in $missing; do
    case "$name" in
        coturn | mosquitto | prometheus | prometheus-alertmanager)
            if command -v systemctl >/dev/null; then systemctl disable -q "$name" >/dev/null 2>&1 || true; fi ;;
    esac
done
