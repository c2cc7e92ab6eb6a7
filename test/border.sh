#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The borders: src/ knows neither platforms nor the other folders; esp/ and host/ never see each other; no file includes a
# file of a layer above, and no files include each other in a circle (layers.py).
# Prints each line that breaks one; exit code 1 then. usage: test/border.sh [ROOT]
set -u
here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-$(dirname "$0")/..}" || exit 2
broken=0

# The headers of the second folder that the first has not under the same name, as a pattern.
headers_of_other() { # own folder, other folder
    comm -13 <(find "$1" -name '*.h' -printf '%f\n' 2>/dev/null | sort) \
        <(find "$2" -name '*.h' -printf '%f\n' 2>/dev/null | sort) | sed 's/\./\\./g' | paste -sd '|'
}

forbid() { # folder, pattern of the included name, why not
    local start='^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]'
    if [ -n "$2" ] && grep -rnE --include='*.[ch]' "$start($2)" "$1" 2>/dev/null; then
        echo "^ $3"
        broken=1
    fi
}

forbid_folder() { # folder, other folder
    local headers
    headers=$(headers_of_other "$1" "$2")
    forbid "$1" "${headers:+($headers)[\">]|}(\.\./)*$2/" "$1/ knows nothing of $2/"
}

platform='esp_|freertos/|nvs|mbedtls/|psa/|lwip/|sdkconfig|sys/|unistd|pthread|arpa/|netinet/|poll\.h|fcntl|libwebsockets|openssl/|zlib|stdlib|stdio|time\.h|errno|assert'
forbid src "$platform" 'src/ is portable: no platform, no allocation, no files, no clock'
forbid_folder src esp
forbid_folder src host
forbid_folder src cli
forbid_folder esp host
forbid_folder esp cli
forbid_folder host esp
forbid_folder host cli
forbid fleet "$platform" 'fleet/ decides: no platform, no allocation, no files, no clock'
forbid_folder fleet esp
forbid_folder fleet host
forbid_folder fleet cli
if grep -nE '\b(malloc|calloc|realloc|free)\(' $(find src fleet -name '*.c'); then
    echo '^ src/ and fleet/ allocate nothing'
    broken=1
fi
"$here/layers.py" "$PWD" || broken=1
exit "$broken"
