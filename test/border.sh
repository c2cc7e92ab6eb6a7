#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The borders of the house: src/ knows neither platforms nor the other rooms; esp/ and host/ never see each other.
# Prints each line that breaks one; exit code 1 then. usage: test/border.sh [ROOT]
set -u
cd "${1:-$(dirname "$0")/..}" || exit 2
broken=0

# The headers of the second room that the first has not under the same name, as a pattern.
headers_of_other() { # own room, other room
    comm -13 <(find "$1" -name '*.h' -printf '%f\n' 2>/dev/null | sort) \
        <(find "$2" -name '*.h' -printf '%f\n' 2>/dev/null | sort) | sed 's/\./\\./g' | paste -sd '|'
}

forbid() { # room, pattern of what stands between the quotes, why not
    local start='^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]'
    if [ -n "$2" ] && grep -rnE --include='*.[ch]' "$start($2)" "$1" 2>/dev/null; then
        echo "^ $3"
        broken=1
    fi
}

forbid_room() { # room, other room
    local headers
    headers=$(headers_of_other "$1" "$2")
    forbid "$1" "${headers:+([^\">]*/)?($headers)[\">]|}(\.\./)*$2/" "$1/ knows nothing of $2/"
}

platform='esp_|freertos/|nvs|mbedtls/|psa/|lwip/|sdkconfig|sys/|unistd|pthread|arpa/|netinet/|poll\.h|fcntl|libwebsockets|openssl/|zlib|stdlib|stdio|time\.h|errno|assert'
forbid src "$platform" 'src/ is portable: no platform, no allocation, no files, no clock'
forbid_room src esp
forbid_room src host
forbid_room src cli
forbid_room esp host
forbid_room esp cli
forbid_room host esp
forbid_room host cli
if grep -nE '\b(malloc|calloc|realloc|free)\(' src/*.c; then
    echo '^ src/ allocates nothing'
    broken=1
fi
exit "$broken"
