#!/usr/bin/env bash
# Build the wheel, install it without extras into a fresh environment, and use it from another folder.
# With FULL=1 the whole of `fa-ref verify` runs there, compilation included: a minute and a half on two quiet cores.
set -euo pipefail
python=${1:-python3}
here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git -C "$here" archive HEAD | (mkdir "$work/source" && tar -x -C "$work/source")
"$python" -m venv "$work/env"
"$work/env/bin/pip" wheel --quiet --no-deps --wheel-dir "$work/dist" "$work/source"
"$work/env/bin/pip" install --quiet --constraint "$here/constraints.txt" "$work"/dist/*.whl
mkdir "$work/elsewhere"
cd "$work/elsewhere"
"$work/env/bin/fa-ref" --version
"$work/env/bin/fa-ref" verify --only identity,A3.1,4.3 --data digits
"$work/env/bin/fa-ref" verify --list >list.txt
"$work/env/bin/fa-ref" train --n 5 --d 8 --p 100 --steps 20 --out run.csv
"$work/env/bin/fa-ref" errata --help >/dev/null
if [ "${FULL:-}" = 1 ]; then
    time "$work/env/bin/fa-ref" verify --report full
fi
test -s fa-ref-report/report.html && test -s run.csv && test "$(wc -l <list.txt)" -ge 12
echo "installed: the wheel works from another folder"
