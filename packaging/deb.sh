#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the Debian package of ota-ws for this machine's release and architecture, and prints its path. The libraries
# that it depends on, with their versions, are found by dpkg-shlibdeps.
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(sed -nE 's/^version: *"?([^" ]+)"?.*/\1/p' idf_component.yml)
architecture=$(dpkg --print-architecture)
folder=build/deb
root=$folder/root
package=$folder/ota-ws_${version}_$architecture.deb

control() {
    cat <<END
Package: ota-ws
Version: $version
Architecture: $architecture
Maintainer: ${DEBFULLNAME:-ota_ws_update} <${DEBEMAIL:-root@localhost}>
Depends: $1
Section: embedded
Priority: optional
Homepage: $(sed -nE 's/^url: *//p' idf_component.yml)
Description: updates ESP32 devices over WebSocket
 ota-ws sends firmware to devices that run the ESP-IDF component ota_ws_update,
 waits for their restart and says what runs then. ota-ws-device is such a
 device without a chip.
END
}

# The packages of the libraries that the programs are linked to.
dependencies() {
    mkdir -p "$folder/debian"
    printf 'Source: ota-ws\n\nPackage: ota-ws\nArchitecture: any\n' >"$folder/debian/control"
    (cd "$folder" && dpkg-shlibdeps -O root/usr/bin/* 2>shlibdeps.txt || cat shlibdeps.txt >&2) | sed -n 's/^shlibs:Depends=//p'
}

rm -rf "$root"
make --no-print-directory install DESTDIR="$PWD/$root" PREFIX=/usr ZSH_FUNCTIONS=vendor-completions >/dev/null
strip "$root"/usr/bin/*
gzip -9n "$root/usr/share/man/man1/ota-ws.1"
install -D -m 644 LICENSE "$root/usr/share/doc/ota-ws/copyright"
gzip -9nc CHANGELOG.md >"$root/usr/share/doc/ota-ws/changelog.gz"
chmod -R u=rwX,go=rX "$root"
needed=$(dependencies)
mkdir -p "$root/DEBIAN"
control "$needed" >"$root/DEBIAN/control"
dpkg-deb --root-owner-group --build "$root" "$package" >/dev/null
echo "$package"
