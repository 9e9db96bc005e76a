#!/bin/bash
# Boots the service in a container of its own and looks whether it keeps what the units promise.
#
# Opt-in: it needs root, mmdebstrap, systemd-nspawn, a Debian mirror, and a package index for the first run.
#   systemd/test-in-container.sh [FOLDER]     FOLDER keeps the root and the wheels for the next run
# Ends with 0 when every check passed, 1 when one failed, 77 when something is missing here.
set -euo pipefail
cd "$(dirname "$0")/.."
work=${1:-$(mktemp -d /tmp/syncd-container.XXXXXX)}
python=${PYTHON:-.venv/bin/python}
suite=${SUITE:-bookworm}

missing=()
[ "$(id -u)" = 0 ] || missing+=("root rights")
for tool in mmdebstrap systemd-nspawn; do
    command -v "$tool" >/dev/null || missing+=("$tool (apt-get install ${tool/systemd-nspawn/systemd-container})")
done
"$python" -c "import hatchling" 2>/dev/null || missing+=("hatchling (make test installs it)")
if [ ${#missing[@]} -gt 0 ]; then
    printf 'missing: %s\n' "${missing[@]}" >&2
    exit 77
fi

mkdir -p "$work/wheels"
root=$work/root
if [ ! -e "$root/etc/debian_version" ]; then
    echo "Building a $suite root in $root …"
    mmdebstrap --variant=minbase --include=systemd,systemd-sysv,dbus,python3,python3-venv "$suite" "$root"
    # A minimal root has no hosts file, and then localhost is nobody.
    echo "127.0.0.1 localhost" > "$root/etc/hosts"
fi
echo "Building the wheel …"
rm -f "$work"/wheels/syncd-*.whl
"$python" -m hatchling build -t wheel -d "$work/wheels" >/dev/null
"$python" -m pip download --quiet --disable-pip-version-check --require-hashes -r requirements.lock -d "$work/wheels"
rm -rf "$root/opt/syncd" "$root/var/lib/syncd" "$root/etc/syncd" "$root/wheels" "$root/results"
cp -r "$work/wheels" "$root/wheels"
cp requirements.lock systemd/checks-in-container.sh "$root/wheels/"
cat > "$root/etc/systemd/system/checks.service" <<'UNIT'
[Unit]
Description=Checks of syncd
After=basic.target dbus.service
[Service]
Type=oneshot
StandardOutput=journal+console
StandardError=journal+console
ExecStart=/bin/bash /wheels/checks-in-container.sh
ExecStopPost=/usr/bin/systemctl poweroff --no-block
TimeoutStartSec=600
UNIT
mkdir -p "$root/etc/systemd/system/default.target.wants"
ln -sf /etc/systemd/system/checks.service "$root/etc/systemd/system/default.target.wants/checks.service"
ln -sf /lib/systemd/system/multi-user.target "$root/etc/systemd/system/default.target"
ln -sfn /etc/systemd/system/checks.service "$root/etc/systemd/system/multi-user.target.wants/checks.service" 2>/dev/null \
    || { mkdir -p "$root/etc/systemd/system/multi-user.target.wants"; ln -sfn /etc/systemd/system/checks.service "$root/etc/systemd/system/multi-user.target.wants/checks.service"; }

echo "Booting …"
timeout 900 systemd-nspawn --quiet --register=no --keep-unit --private-network --boot --directory="$root" \
    --console=pipe </dev/null >"$work/boot.log" 2>&1 || true
if [ ! -e "$root/results" ]; then
    echo "the container came to no result; the end of $work/boot.log:" >&2
    tail -30 "$work/boot.log" >&2
    exit 1
fi
cat "$root/results"
! grep -q '^FAIL' "$root/results" && grep -q '^done' "$root/results"
