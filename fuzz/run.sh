#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fuzzes each target for so many minutes, two at a time, from the corpus on; what is new goes to build/fuzz/found/. Prints
# executions in all and a second, for each target and together. usage: fuzz/run.sh [MINUTES [TARGET...]]
# Another engine: ENGINE=afl fuzz/run.sh ... builds with AFL++ (Debian's package afl++), persistent mode.
# FUZZ_JOBS=1: one at a time. FUZZ_MERGE=1: afterwards what reaches other code than the corpus is added to it.
set -u
cd "$(dirname "$0")/.." || exit 2
minutes=${1:-5}
shift $(($# > 0 ? 1 : 0))
targets=("$@")
[ "${#targets[@]}" -gt 0 ] || targets=(session message image encrypted partition host_name sealed delta fleet)
engine=${ENGINE:-libfuzzer}
case "$engine" in
libfuzzer) build=build/fuzz compiler=clang ;;
afl) build=build/afl compiler=afl-clang-fast ;;
*) echo "ENGINE is libfuzzer or afl" >&2; exit 2 ;;
esac
export AFL_QUIET=1
mkdir -p $build/crashes
cmake -S host -B $build -DCMAKE_C_COMPILER=$compiler -DFUZZ=ON -DSANITIZE=ON >/dev/null || exit 2
cmake --build $build -j "$(nproc)" --target "${targets[@]/#/fuzz_}" >$build/build.txt 2>&1 || { tail -n 40 $build/build.txt; exit 2; }

dictionary_of() { # target
    case "$1" in
    session) echo fuzz/dict/message.dict ;;
    encrypted | delta) echo fuzz/dict/image.dict ;;
    sealed) echo fuzz/dict/message.dict ;;
    *) echo "fuzz/dict/$1.dict" ;;
    esac
}

# The longest input: enough for what the target reads, and short where each byte costs time.
length_of() { # target
    case "$1" in
    session | host_name | sealed) echo 64 ;;
    message) echo 1100 ;;
    fleet) echo 400 ;;
    *) echo 4096 ;;
    esac
}

libfuzzer() { # target
    local found=$build/found/$1
    mkdir -p "$found"
    # What costs time and finds nothing: stacks of allocations, and the bookkeeping of rare features.
    ASAN_OPTIONS=malloc_context_size=1:quarantine_size_mb=16 \
        "$build/test/fuzz/fuzz_$1" -entropic=0 -max_total_time=$((minutes * 60)) -max_len="$(length_of "$1")" -print_final_stats=1 \
        -dict="$(dictionary_of "$1")" -artifact_prefix="$build/crashes/$1-" "$found" "fuzz/corpus/$1" >"$build/$1.txt" 2>&1
}

afl() { # target
    AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_AFFINITY=1 AFL_AUTORESUME=1 \
        afl-fuzz -V $((minutes * 60)) -m none -G "$(length_of "$1")" -x "$(dictionary_of "$1")" -i "fuzz/corpus/$1" \
        -o "$build/found/$1" -- "$build/test/fuzz/fuzz_$1" >"$build/$1.txt" 2>&1
    local stats=$build/found/$1/default/fuzzer_stats
    sed -nE 's/^execs_done +: +/stat::number_of_executed_units: /p; s/^saved_crashes +: +/crashes: /p' "$stats" >>"$build/$1.txt"
    ! grep -q '^crashes: [1-9]' "$build/$1.txt"
}

fuzz() { # target
    local code number seconds
    TIMEFORMAT='cpu: %U %S'
    { time "$engine" "$1"; } 2>"$build/$1.time"
    code=$?
    number=$(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$1.txt")
    seconds=$(sed -n 's/^cpu: \([0-9.]*\) \([0-9.]*\)/\1 \2/p' "$build/$1.time" | awk '{ print $1 + $2 }')
    echo "$1 ${number:-0} ${seconds:-0} $code" >"$build/$1.sum"
    awk -v target="$1" -v number="${number:-0}" -v minutes="$minutes" -v cpu="$seconds" -v code=$code -v where="$build/$1.txt" 'BEGIN {
        printf "%s: %d executions, %.0f a second, %.0f a second of processor time (%.0f s), %s\n", target, number,
            number / (minutes * 60), number / (cpu > 0 ? cpu : 1), cpu, code == 0 ? "no finding" : "FINDING, see " where }'
    return $code
}

merge() { # target
    "$build/test/fuzz/fuzz_$1" -merge=1 -use_counters=0 -max_len="$(length_of "$1")" "fuzz/corpus/$1" "$build/found/$1" \
        >"$build/$1.merge" 2>&1 && echo "$1: $(find "fuzz/corpus/$1" -type f | wc -l) inputs"
}

export -f fuzz libfuzzer afl dictionary_of length_of
export build minutes engine
printf '%s\n' "${targets[@]}" | xargs -P "${FUZZ_JOBS:-2}" -I{} bash -c 'fuzz {}'
code=$?
for target in "${targets[@]}"; do cat "$build/$target.sum"; done | awk '{ number += $2; cpu += $3; bad += $4 != 0 }
    END { printf "all: %d executions in %.1f minutes of processor time, %d findings\n", number, cpu / 60, bad }'
if [ -n "${FUZZ_MERGE:-}" ] && [ "$engine" = libfuzzer ]; then
    for target in "${targets[@]}"; do merge "$target"; done
fi
exit $code
