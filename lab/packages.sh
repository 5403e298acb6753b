#!/bin/sh
# Install the missing Debian packages of the lab, or name them if that needs root. None of their services starts, now or
# at the next boot.
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

# Folder of the system. Tests name another one.
system=${SYSTEM:-}

# Print each service that starts by itself: with the machine, with the session of a user, or by System V's scripts.
print_enabled() {
    for link in "$system"/etc/systemd/system/*.wants/* "$system"/etc/systemd/system/*.requires/*; do
        if [ -L "$link" ]; then echo "--system ${link##*/}"; fi
    done
    for link in "$system"/etc/systemd/user/*.wants/* "$system"/etc/systemd/user/*.requires/*; do
        if [ -L "$link" ]; then echo "--global ${link##*/}"; fi
    done
    for link in "$system"/etc/rc[2-5].d/S*; do
        if [ -L "$link" ]; then script=${link##*/S}; echo "rc ${script#[0-9][0-9]}"; fi
    done
}

# Disable one service. Debian's helper does it where systemctl is missing, because its links would work later.
disable_service() {
    case $1 in
        rc) update-rc.d "$2" disable ;;
        *) if command -v systemctl; then systemctl -q "$1" disable "$2"
           elif [ "$1" = --global ]; then deb-systemd-helper --user disable "$2"
           else deb-systemd-helper disable "$2"; fi ;;
    esac >/dev/null 2>&1
}

# Tests and the lab start these programs themselves, and a service would take their ports. A package may bring others
# with services, so whatever is enabled now and was not before is disabled, also after a failed or stopped installation.
finish() {
    code=$?
    [ -z "$own_policy" ] || rm -f "$own_policy"
    print_enabled | sort -u | while read -r kind service; do
        case "$before" in *"$kind $service;"*) continue ;; esac
        if disable_service "$kind" "$service"; then echo "   disabled: $service"
        else echo "   still starts by itself: $service; disable it by hand" >&2; fi
    done
    exit "$code"
}
own_policy=""
before=$(print_enabled | tr '\n' ';')
trap finish EXIT
trap 'exit 130' INT TERM HUP

# No service starts while packages are installed.
policy=$system/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    own_policy=$policy
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
apt-get install -y -q --no-install-recommends $missing >/dev/null 2>&1 || {
    apt-get update -q
    apt-get install -y -q --no-install-recommends $missing
}
