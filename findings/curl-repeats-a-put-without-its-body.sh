#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# curl (Debian 12: 7.88.1), uploads that are redirected, with a server that redirects (node 20).
#
# A proxy moves uploads from http to https, or to a path with a slash, by 301 or 302. There are two common ways to put a file
# with curl: "-T file" and "-X PUT --data-binary @file". One expects that both end in the same way: as browsers do, the PUT
# is repeated with its body, or it becomes a GET. Seen instead, with -L:
#   1. -T: 301, 302, 307 and 308 repeat the PUT with the whole file; 303 becomes a GET.
#   2. -X PUT --data-binary: 307 and 308 repeat the PUT with the whole file. After 301, 302 and 303 curl sends a PUT without a
#      body and without Content-Length: inside it is a POST that becomes a GET, and then -X writes PUT over that.
#   3. curl exits with 0 each time. A server that stores what a PUT brings stores an empty file after 2.
#
# The script exits with 0 when all of it is still so, with 1 when something has changed.
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
packages=(curl=7.88.1-10+deb12u15 libcurl4=7.88.1-10+deb12u15)
packages+=(libbrotli1 libldap-2.5-0 libnghttp2-14 libpsl5 librtmp1 libsasl2-2 libssh2-1)
apt-get download -q "${packages[@]}" >/dev/null 2>&1 || { apt-get update -q >/dev/null; apt-get download -q "${packages[@]}" >/dev/null; }
for package in *.deb; do dpkg -x "$package" debian; done
cat >server.mjs <<'JS'
import fs from 'node:fs';
import http from 'node:http';
const server = http.createServer((request, response) => {
  let length = 0;
  request.on('data', (piece) => (length += piece.length));
  request.on('end', () => {
    const [, status, way] = request.url.split('/');
    if (request.url.endsWith('/new')) {
      const said = request.headers['content-length'] ?? 'none';
      fs.appendFileSync('seen', `${way}, ${status}: ${request.method}, ${length} bytes, Content-Length ${said}\n`);
      response.end();
    } else {
      response.writeHead(Number(status), { Location: `${request.url}/new` }).end();
    }
  });
});
server.listen(0, '127.0.0.1', () => fs.writeFileSync('port', String(server.address().port)));
JS
node server.mjs &
server=$!
until [ -s port ]; do sleep 0.1; done
curl() { LD_LIBRARY_PATH="$folder/debian/usr/lib/$(uname -m)-linux-gnu" "$folder/debian/usr/bin/curl" "$@"; }
head -c 300000 /dev/zero >image.bin
for status in 301 302 303 307 308; do
    curl -sL --noproxy '*' -T image.bin "http://127.0.0.1:$(cat port)/$status/-T"
    curl -sL --noproxy '*' -X PUT --data-binary @image.bin "http://127.0.0.1:$(cat port)/$status/-X"
done
cat >expected <<'TEXT'
-T, 301: PUT, 300000 bytes, Content-Length 300000
-X, 301: PUT, 0 bytes, Content-Length none
-T, 302: PUT, 300000 bytes, Content-Length 300000
-X, 302: PUT, 0 bytes, Content-Length none
-T, 303: GET, 0 bytes, Content-Length none
-X, 303: PUT, 0 bytes, Content-Length none
-T, 307: PUT, 300000 bytes, Content-Length 300000
-X, 307: PUT, 300000 bytes, Content-Length 300000
-T, 308: PUT, 300000 bytes, Content-Length 300000
-X, 308: PUT, 300000 bytes, Content-Length 300000
TEXT
curl --version | head -1
cat seen
diff expected seen && echo 'as described'
