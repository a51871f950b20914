#!/bin/sh
# Runs each target for so many seconds (10 if none are given) and stops at the first fault.
# Usage: sh run-all.sh [SECONDS] [TARGET …]
set -eu
cd "$(dirname "$0")"
seconds=${1:-10}
[ $# -gt 0 ] && shift
export RUSTC_BOOTSTRAP=1
[ $# -gt 0 ] || set -- $(ls corpus)
for target in "$@"; do
    mkdir -p "new/$target"
    cargo fuzz run --fuzz-dir . --sanitizer none "$target" "new/$target" "corpus/$target" -- \
        "-max_total_time=$seconds" -max_len=8192 -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0
done
