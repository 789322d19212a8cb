#!/usr/bin/env bash
# setup.sh FOLDER: unpacks what pack.py wrote to FOLDER below $RENTED (/tmp/rented), and installs the wheels in it.
set -e
from=$(realpath "$1") to=${RENTED:-/tmp/rented}
mkdir -p "$to" && cd "$to"
tasks=()
if compgen -G "$from/wheels/*.whl" >/dev/null && [ -z "$REHEARSAL" ]; then
    python3 -m pip install -q --no-index --no-deps --no-compile --target "$to/site" "$from"/wheels/*.whl & tasks+=($!)
fi
for archive in "$from"/*.tar.xz; do tar xJf "$archive" & tasks+=($!); done
for task in "${tasks[@]}"; do wait "$task"; done
[ -f /usr/share/dict/words ] || { mkdir -p /usr/share/dict && cp words /usr/share/dict/words; }
echo "unpacked after $SECONDS s: $(ls fonts | wc -l) fonts, $(nproc) cores"
