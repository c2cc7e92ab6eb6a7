#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# mosquitto (Debian 12: 2.0.11), an MQTT broker, with its own clients.
#
# A device subscribes to the updates of all devices (updates/+, QoS 1) and to its own (updates/7, QoS 0), with a session that the
# broker keeps. MQTT 3.1.1 says for topic filters that overlap: the message comes with the largest QoS of them (section 3.3.5).
# So one expects a message of QoS 1, and that it comes again when the connection breaks. Seen with a publisher of QoS 1:
#   1. Only updates/+ with QoS 1: QoS 1. A device whose connection broke on the way gets the message when it comes back.
#   2. updates/7 with QoS 0 besides: QoS 0. After a break the message is lost. Which one was subscribed first does not matter:
#      the filter without a wildcard is found first, its QoS is taken, and the second filter counts as the same message.
#   3. updates/# with QoS 1 and updates/+ with QoS 0: QoS 0 too; "+" is found before "#".
#   4. A device that is away while the message comes gets it in each case. So a test with a device that is off shows no fault.
#   5. With MQTT 5 each filter brings a copy, one with QoS 0 and one with QoS 1, so nothing is lost.
# So a filter that was added with QoS 0 takes away what another one promised. Filters that overlap need the same QoS.
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
printf 'listener 14241 127.0.0.1\nallow_anonymous true\n' >configuration
run sbin/mosquitto -c configuration 2>log &
until (exec 3<>/dev/tcp/127.0.0.1/14241) 2>/dev/null; do sleep 0.1; done
# connect VERSION NAME: a device with a session connects; its messages go to the file "messages", each behind its QoS.
connect() {
    : >messages
    (run bin/mosquitto_sub -p 14241 -V "$1" -i "$2" -c $([ "$1" = 5 ] && echo '-x 3600') -t end -q 1 -F '%q %p' -d) >messages &
    until grep -q Subscribed messages; do sleep 0.1; done
}
publish() { (run bin/mosquitto_pub -p 14241 -q 1 -t "$1" -m "$2"); }
# What came before the message "end", which is published last.
count() {
    publish end end
    until grep -q '1 end$' messages; do sleep 0.1; done
    kill -KILL $!
    wait $! 2>/dev/null || true
    grep -o '^[012] version' messages | cut -c1 | paste -sd, | sed 's/^./QoS &/; s/^$/nothing/'
}
# try VERSION TOPIC QOS [TOPIC QOS]: three devices with these subscriptions.
try() {
    local version=$1 topics=("${@:2}") line="MQTT $1: ${*:2}" name i
    for name in present cut away; do
        for ((i = 0; i < ${#topics[@]}; i += 2)); do
            (run bin/mosquitto_sub -p 14241 -V "$version" -i "$name-$line" -c $([ "$version" = 5 ] && echo '-x 3600') -E \
                -t "${topics[i]}" -q "${topics[i + 1]}")
        done
        if [ $name = present ]; then
            connect "$version" "$name-$line"
            publish updates/7 version
        elif [ $name = cut ]; then # it is connected, reads nothing more, and is gone
            connect "$version" "$name-$line"
            kill -STOP $!
            publish updates/7 version
            kill -KILL $!
            wait $! 2>/dev/null || true
            connect "$version" "$name-$line"
        else
            publish updates/7 version
            connect "$version" "$name-$line"
        fi
        echo "$line: $name gets $(count)"
        # The session ends, so that the next device is the only one.
        (run bin/mosquitto_sub -p 14241 -V 311 -i "$name-$line" -E -t end)
    done
}
{
    try 311 updates/+ 1
    try 311 updates/+ 1 updates/7 0
    try 311 updates/7 0 updates/+ 1
    try 311 updates/# 1 updates/+ 0
    try 5 updates/+ 1 updates/7 0
} >seen 2> >(grep -v ' Killed ' >&2) # bash reports each process that was killed
cat >expected <<'TEXT'
MQTT 311: updates/+ 1: present gets QoS 1
MQTT 311: updates/+ 1: cut gets QoS 1
MQTT 311: updates/+ 1: away gets QoS 1
MQTT 311: updates/+ 1 updates/7 0: present gets QoS 0
MQTT 311: updates/+ 1 updates/7 0: cut gets nothing
MQTT 311: updates/+ 1 updates/7 0: away gets QoS 1
MQTT 311: updates/7 0 updates/+ 1: present gets QoS 0
MQTT 311: updates/7 0 updates/+ 1: cut gets nothing
MQTT 311: updates/7 0 updates/+ 1: away gets QoS 1
MQTT 311: updates/# 1 updates/+ 0: present gets QoS 0
MQTT 311: updates/# 1 updates/+ 0: cut gets nothing
MQTT 311: updates/# 1 updates/+ 0: away gets QoS 1
MQTT 5: updates/+ 1 updates/7 0: present gets QoS 0,1
MQTT 5: updates/+ 1 updates/7 0: cut gets QoS 1
MQTT 5: updates/+ 1 updates/7 0: away gets QoS 1
TEXT
{ (run sbin/mosquitto -h) || true; } | sed -n 1p
cat seen
diff expected seen && echo 'as described'
