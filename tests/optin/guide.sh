#!/bin/bash
# Follows docs/operating.md word by word on a clean Debian: do its first commands lead to a hardened service that works?
#
# By hand: it needs root, mmdebstrap, systemd-nspawn, a Debian mirror and a package index. The container shares the
# network of this machine, so the ports 8642, 8700 and 8701 must be free.
#   tests/optin/guide.sh [FOLDER]     FOLDER keeps the clean root for the next run
# Ends with 0 when every check passed, 1 when one failed, 77 when something is missing here.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=${1:-$(mktemp -d /tmp/syncd-guide.XXXXXX)}
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

mkdir -p "$work"
if [ ! -e "$work/clean.tar" ]; then
    echo "Building a clean $suite …"
    mmdebstrap --quiet --variant=minbase --include=systemd,systemd-sysv,dbus "$suite" "$work/clean.tar"
fi
root=$work/root
rm -rf "$root"
mkdir -p "$root"
tar -xf "$work/clean.tar" -C "$root"
echo "127.0.0.1 localhost" > "$root/etc/hosts"

mkdir -p "$root/guide"
"$python" -m hatchling build -t wheel -d "$root/guide" >/dev/null 2>&1
# Until a release is on an index, pip finds this wheel here; everything else it fetches as it does on this machine.
{ env | grep -E '^PIP_(INDEX_URL|EXTRA_INDEX_URL|TRUSTED_HOST|DEFAULT_TIMEOUT)=' || true; } > "$root/guide/environment"
echo "PIP_FIND_LINKS=/guide" >> "$root/guide/environment"
if [ -n "${PIP_CERT:-}" ]; then
    cp "$PIP_CERT" "$root/guide/certificates"
    echo "PIP_CERT=/guide/certificates" >> "$root/guide/environment"
fi
awk '/^```/ {blocks++; next} blocks == 1' docs/operating.md > "$root/guide/commands"
cat > "$root/guide/follow.sh" <<'FOLLOW'
#!/bin/bash
set -u
exec 3>/guide/results
apt-get update -qq
number=0
while read -r line; do
    number=$((number + 1))
    began=$SECONDS
    if bash -c "$line" </dev/null >/guide/said 2>&1; then
        echo "ok   $number. $line ($((SECONDS - began)) s)" >&3
    else
        echo "FAIL $number. $line" >&3
        tail -15 /guide/said | sed 's/^/       /' >&3
    fi
done < /guide/commands
sed 's/^/       | /' /guide/said >&3

check() { # NAME COMMAND…
    local name=$1
    shift
    if "$@" >/guide/said 2>&1; then echo "ok   $name" >&3; else
        echo "FAIL $name" >&3
        tail -15 /guide/said | sed 's/^/       /' >&3
    fi
}
enriches() {
    local left=60
    while [ $left -gt 0 ]; do
        runuser -u syncd -- syncd status --json | grep -q '"enriched": [1-9]' && return 0
        left=$((left - 1))
        sleep 1
    done
    journalctl -u syncd -o cat -n 15
    return 1
}
check "ten commands or fewer" [ "$number" -le 10 ]
check "the service is active" systemctl is-active syncd
check "it is begun with the machine" systemctl is-enabled syncd
check "it does not run as root" bash -c '[ "$(stat -c %U /proc/$(systemctl show --value -p MainPID syncd))" = syncd ]'
# systemd's own arithmetic is in tenths.
check "its exposure is at most 1.5" systemd-analyze security --threshold=15 --no-pager syncd
check "its state is for itself only" bash -c '[ "$(stat -c %a:%U /var/lib/syncd)" = 700:syncd ]'
check "its keys are for root only" bash -c '! runuser -u syncd -- cat /etc/syncd/credentials/hubspot.token'
check "contacts are enriched" enriches
check "the journal has no error" bash -c '[ -z "$(journalctl -u syncd -p err -o cat -q)" ]'
check "it ends cleanly" systemctl stop syncd syncd-sandbox
echo done >&3
FOLLOW
cat > "$root/etc/systemd/system/guide.service" <<'UNIT'
[Unit]
Description=Follows the guide
After=basic.target dbus.service
[Service]
Type=oneshot
EnvironmentFile=/guide/environment
Environment=DEBIAN_FRONTEND=noninteractive HOME=/root
StandardOutput=journal+console
StandardError=journal+console
ExecStart=/bin/bash /guide/follow.sh
ExecStopPost=/usr/bin/systemctl poweroff --no-block
TimeoutStartSec=1200
UNIT
mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
ln -sf /etc/systemd/system/guide.service "$root/etc/systemd/system/multi-user.target.wants/guide.service"
ln -sf /lib/systemd/system/multi-user.target "$root/etc/systemd/system/default.target"

echo "Following the guide …"
timeout 1500 systemd-nspawn --quiet --register=no --keep-unit --resolv-conf=copy-host --boot --directory="$root" \
    --console=pipe </dev/null >"$work/boot.log" 2>&1 || true
if [ ! -e "$root/guide/results" ]; then
    echo "the container came to no result; the end of $work/boot.log:" >&2
    tail -30 "$work/boot.log" >&2
    exit 1
fi
cat "$root/guide/results"
! grep -q '^FAIL' "$root/guide/results" && grep -q '^done' "$root/guide/results"
