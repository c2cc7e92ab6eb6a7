#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A virtual ESP32-C3 that runs demo 1.0.0, and an image of demo 2.0.0 to update it with. Runs until Ctrl-C.
# usage: [PORT=8070] test/demo.sh BUILD_DIR
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
port=${PORT:-8070}
flash=demo/flash-$port.bin

# Before anything is made anew: the device that uses the port may be another demo, with the same flash file.
if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
    echo "Port $port of this machine is in use already. End what uses it, or type: make demo PORT=$((port + 1))" >&2
    exit 1
fi

mkdir -p demo
rm -f "$flash"
"$build/test/ota-ws-image" --version 1.0.0 --size 900K --seed 1 demo/demo-1.0.0.bin
"$build/test/ota-ws-image" --version 2.0.0 --size 1M --seed 2 demo/demo-2.0.0.bin
cat <<TEXT

A virtual ESP32-C3 starts below with demo 1.0.0, as slow as a W25Q32JV flash chip. Open the page that it names,
and give it this image:

  $PWD/demo/demo-2.0.0.bin

Or from the command line (it asks for the pairing code):

  $PWD/$build/cli/ota-ws push $PWD/demo/demo-2.0.0.bin 127.0.0.1:$port

Ctrl-C ends it.

TEXT
exec "$build/ota-ws-device" --flash "$flash" --image demo/demo-1.0.0.bin --timing w25q32jv --port "$port"
