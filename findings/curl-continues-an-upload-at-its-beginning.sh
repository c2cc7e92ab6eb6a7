#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Where two things meet: curl (Debian 12: 7.88.1), which goes on with an upload, and nginx (1.22.1), which stores it by PUT.
#
# An upload broke off: the server has the first 1000 of 300,000 bytes. curl's manual says that "-C -" makes curl find out where
# to go on. One expects with "-C - -T file" that it asks the server (HEAD) and sends the rest, or that it sends the whole
# file as without -C, or says that it cannot. Seen instead:
#   1. curl asks nothing. It sends one PUT with the whole file and the header "Content-Range: bytes 0-299999/300000".
#   2. nginx stores the same PUT without -C (204), and refuses it with -C - (501), because of that header. curl exits with 0.
#   3. With "-C 1000" the header and the body are right, and nginx refuses it, too: so with that server nothing goes on.
#   4. "-r 10-19" with -T: the header says "bytes 10-19/300000", and the body is the whole file, 300,000 bytes.
#
# The script exits with 0 when all of it is still so, with 1 when something has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"
packages=(nginx=1.22.1-9+deb12u11 curl=7.88.1-10+deb12u15 libcurl4=7.88.1-10+deb12u15)
packages+=(libbrotli1 libldap-2.5-0 libnghttp2-14 libpsl5 librtmp1 libsasl2-2 libssh2-1)
apt-get download -q "${packages[@]}" >/dev/null 2>&1 || { apt-get update -q >/dev/null; apt-get download -q "${packages[@]}" >/dev/null; }
for package in *.deb; do dpkg -x "$package" debian; done
mkdir temporary files
cat >nginx.conf <<TEXT
daemon off; master_process off; pid $folder/pid; error_log $folder/log; events {}
http {
    access_log off;
    client_body_temp_path temporary; proxy_temp_path temporary; fastcgi_temp_path temporary;
    uwsgi_temp_path temporary; scgi_temp_path temporary;
    server { listen 127.0.0.1:14234; root $folder/files; dav_methods PUT; }
}
TEXT
debian/usr/sbin/nginx -p "$folder" -c "$folder/nginx.conf" &
cat >server.mjs <<'JS'
import fs from 'node:fs';
import http from 'node:http';
const server = http.createServer((request, response) => {
  let length = 0;
  request.on('data', (piece) => (length += piece.length));
  request.on('end', () => {
    fs.appendFileSync('seen', `${request.method}, Content-Range ${request.headers['content-range'] ?? 'none'}, ${length} bytes; `);
    response.end();
  });
});
server.listen(14235, '127.0.0.1');
JS
node server.mjs &
for port in 14234 14235; do until (exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null; do sleep 0.1; done; done
curl() { LD_LIBRARY_PATH="$folder/debian/usr/lib/$(uname -m)-linux-gnu" "$folder/debian/usr/bin/curl" "$@"; }
head -c 300000 /dev/zero >image.bin
for options in '' '-C -' '-C 1000' '-r 10-19'; do
    printf '%s: ' "curl${options:+ }$options -T" >>seen
    curl -s --noproxy '*' $options -T image.bin http://127.0.0.1:14235/image.bin
    head -c 1000 image.bin >files/image.bin
    curl -s --noproxy '*' -o /dev/null -w 'nginx says %{http_code}, curl exits with %{exitcode}' $options \
        -T image.bin http://127.0.0.1:14234/image.bin >>seen
    echo " and nginx has $(stat -c %s files/image.bin)" >>seen
done
cat >expected <<'TEXT'
curl -T: PUT, Content-Range none, 300000 bytes; nginx says 204, curl exits with 0 and nginx has 300000
curl -C - -T: PUT, Content-Range bytes 0-299999/300000, 300000 bytes; nginx says 501, curl exits with 0 and nginx has 1000
curl -C 1000 -T: PUT, Content-Range bytes 1000-299999/300000, 299000 bytes; nginx says 501, curl exits with 0 and nginx has 1000
curl -r 10-19 -T: PUT, Content-Range bytes 10-19/300000, 300000 bytes; nginx says 501, curl exits with 0 and nginx has 1000
TEXT
curl --version | sed -n 1p
debian/usr/sbin/nginx -v
cat seen
diff expected seen && echo 'as described'
