#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# mosquitto (Debian 12: 2.0.11), an MQTT broker: a shared subscription with one member that is not there.
#
# Two workers share the subscription $share/workers/jobs at QoS 1, so each job goes to one of them. One worker keeps its session
# (no clean start) and is switched off; the other is connected all the time. Six jobs are published. One expects that all six
# go to the worker that is connected: MQTT 5 names sharing the load as what shared subscriptions are for. Seen instead:
#   1. The connected worker gets three of the six jobs. The other three wait, though their publishers have the acknowledgement.
#   2. They come out when the absent worker connects again, days later if need be.
# The standard leaves that choice to the broker (4.8.2). A fleet's job that is given out in this way may go to a machine that
# nobody switches on again; only a session that ends with its connection (clean start) keeps its worker from being dealt in.
#
# The script exits with 0 when all of it is still so, with 1 when something has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"
packages=(mosquitto=2.0.11-1.2+deb12u2 mosquitto-clients=2.0.11-1.2+deb12u2 libmosquitto1=2.0.11-1.2+deb12u2)
packages+=(libcjson1 libdlt2 libev4 libuv1 libwebsockets17 libwrap0)
apt-get download -q "${packages[@]}" >/dev/null 2>&1 || { apt-get update -q >/dev/null; apt-get download -q "${packages[@]}" >/dev/null; }
for package in *.deb; do dpkg -x "$package" debian; done
run() {
    local libraries="$folder/debian/usr/lib/$(uname -m)-linux-gnu:$folder/debian/lib/$(uname -m)-linux-gnu"
    LD_LIBRARY_PATH=$libraries exec stdbuf -oL "$folder/debian/usr/$1" "${@:2}"
}
subscribe() { run bin/mosquitto_sub -p 14230 -i "$1" -q 1 -t '$share/workers/jobs' "${@:2}"; }
printf 'listener 14230 127.0.0.1\nallow_anonymous true\n' >configuration
run sbin/mosquitto -c configuration 2>log &
until (exec 3<>/dev/tcp/127.0.0.1/14230) 2>/dev/null; do sleep 0.1; done
(subscribe absent -c -E)
(subscribe present -d) >debug &
until grep -q Subscribed debug; do sleep 0.1; done
for job in 1 2 3 4 5 6; do (run bin/mosquitto_pub -p 14230 -q 1 -t jobs -m "job $job"); done
(run bin/mosquitto_pub -p 14230 -q 1 -t jobs -m last)
(run bin/mosquitto_pub -p 14230 -q 1 -t jobs -m last)
until grep -q last debug; do sleep 0.1; done
{
    echo "present: $(grep -c '^job' debug) of 6 jobs"
    echo "absent, when it has connected again: $(subscribe absent -c -C 4 -W 30 | grep -c '^job') of 6 jobs"
} >seen
cat >expected <<'TEXT'
present: 3 of 6 jobs
absent, when it has connected again: 3 of 6 jobs
TEXT
{ (run sbin/mosquitto -h) || true; } | sed -n 1p
cat seen
diff expected seen && echo 'as described'
