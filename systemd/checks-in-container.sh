#!/bin/bash
# Runs inside the booted container of test-in-container.sh; writes one line per check to /results.
set -u
exec 3>/results
syncd=/opt/syncd/bin/syncd

check() { # NAME COMMAND…
    local name=$1
    shift
    if "$@" >/tmp/said 2>&1; then echo "ok   $name" >&3; else
        echo "FAIL $name" >&3
        tail -15 /tmp/said | sed 's/^/       /' >&3
    fi
}
not() { ! "$@"; }
until_true() { # SECONDS COMMAND…
    local left=$(($1 * 5))
    shift
    while [ $left -gt 0 ]; do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.2
        left=$((left - 1))
    done
    "$@"
}
shown() { systemctl show --value -p "$1" syncd; }
is() { local found; found=$(shown "$1"); [ "$found" = "$2" ] || { echo "$1 is $found, not $2"; systemctl status -n 20 --no-pager syncd; return 1; }; }
at_most() { [ "$2" -le "$3" ] || { echo "$1 is $2, more than $3"; return 1; }; }
another_process() { [ "$(shown MainPID)" != "$1" ] && [ "$(shown ActiveState)" = active ]; }

check "a virtual environment is made" python3 -m venv /opt/syncd
check "the packages install from the lock, hashes checked" /opt/syncd/bin/pip install --quiet --no-index \
    --find-links /wheels --require-hashes -r /wheels/requirements.lock
check "the wheel installs" bash -c '/opt/syncd/bin/pip install --quiet --no-index --no-deps /wheels/syncd-*.whl'
check "syncd install places the service" $syncd install --systemd
check "the service's user is there" id syncd
check "the credentials are for root only" bash -c '[ "$(stat -c %a:%U /etc/syncd/credentials)" = 700:root ]'
check "systemd finds nothing wrong with the unit" systemd-analyze verify --man=no /etc/systemd/system/syncd.service
check "its exposure is at most 1.5" systemd-analyze security --offline=true --threshold=15 --no-pager \
    /etc/systemd/system/syncd.service

check "stand-ins start" systemd-run --quiet --unit=stand-ins $syncd sandbox up hubspot contactout --contacts 60 \
    --port-base 8700 --service --folder /etc/syncd/sandbox
check "they serve" until_true 60 test -e /etc/syncd/sandbox/config.yaml
cp /etc/syncd/sandbox/*.token /etc/syncd/credentials/
cp /etc/syncd/sandbox/config.yaml /etc/syncd/config.yaml
chown root:syncd /etc/syncd/config.yaml
chmod 640 /etc/syncd/config.yaml

check "it starts and says that it is ready" systemctl start syncd
check "it is active" is ActiveState active
check "it runs as its own user" bash -c '[ "$(ps -o user= -p $(systemctl show --value -p MainPID syncd) 2>/dev/null || stat -c %U /proc/$(systemctl show --value -p MainPID syncd))" = syncd ]'
check "its status line says what it is at" bash -c 'systemctl show --value -p StatusText syncd | grep -q "^live: ready"'
check "its state is private" bash -c '[ "$(stat -c %a:%U /var/lib/syncd /var/lib/syncd/syncd.db | tr "\n" " ")" = "700:syncd 600:syncd " ]'
check "it cannot read the originals of its keys" not runuser -u syncd -- cat /etc/syncd/credentials/hubspot.token
check "contacts are enriched" until_true 60 bash -c "$syncd status --json | grep -q '\"enriched\": [1-9]'"
check "it holds at most 160 MB" at_most "resident kB" "$(awk '/^VmRSS/ {print $2}' "/proc/$(shown MainPID)/status")" 163840
echo "     resident: $(awk '/^VmRSS/ {print $2}' "/proc/$(shown MainPID)/status") kB, ready after $(($(shown ActiveEnterTimestampMonotonic) / 1000 - $(shown ExecMainStartTimestampMonotonic) / 1000)) ms" >&3

check "a reload is taken over" systemctl reload syncd
check "the log says so" bash -c 'journalctl -u syncd -o cat | grep -q config.reloaded'
sed -i 's/^mode: live/mode: lively/' /etc/syncd/config.yaml
check "an invalid file fails the reload" not systemctl reload syncd
check "and the service goes on" is ActiveState active
check "and says so, as an error in the journal" until_true 20 bash -c 'journalctl -u syncd -p err -o cat | grep -q config.refused'
check "and in its status line" until_true 20 bash -c 'systemctl show --value -p StatusText syncd | grep -q "last reload was refused"'
sed -i 's/^mode: lively/mode: live/' /etc/syncd/config.yaml
check "the file mended, the reload is taken over" systemctl reload syncd

before=$(shown MainPID)
kill -KILL "$before"
check "killed, it is begun again" until_true 30 another_process "$before"
check "it stops cleanly" systemctl stop syncd
check "with success" is Result success
check "its books are whole" $syncd db check

mkdir -p /run/systemd/system/syncd.service.d
printf '[Service]\nWatchdogSec=3\n' > /run/systemd/system/syncd.service.d/soon.conf
systemctl daemon-reload
systemctl reset-failed syncd
systemctl start syncd
before=$(shown MainPID)
kill -STOP "$before"
check "hung, it is ended by the watchdog and begun again" until_true 40 another_process "$before"
check "by the watchdog, indeed" bash -c 'journalctl -u syncd | grep -qi watchdog'
systemctl stop syncd

sed -i 's/^mode: live/mode: lively/' /etc/syncd/config.yaml
systemctl reset-failed syncd
check "an invalid configuration does not start" not systemctl start syncd
check "with code 78" is ExecMainStatus 78
check "and is not tried again" is NRestarts 0
systemctl stop stand-ins
echo "done" >&3
