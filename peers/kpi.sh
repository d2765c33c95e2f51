#!/bin/sh
# QueryKpis beside DuckDB on the same rows, by turns. The first run loads ten million activities (see KEEP) and installs
# DuckDB for Python below target/; later runs use both again.
#   WHAT    kpi: one question, whose figures must be equal; catalogue: every KPI at every grain, and what DuckDB takes at least;
#           outside: questions that no cells are kept for
#   SCALE   5 is 1,000,000 cases and 10,000,000 activities
#   KEEP    directory of the loaded histories, about five gigabytes at scale 5, and the rows for DuckDB
#   SMALLER directory of a history kept by an earlier run with a smaller SCALE, for catalogue; without it half of the large one
#   OUTSIDE those questions: KPI:DIMENSION,DIMENSION
#   ROUNDS  rounds of each contestant
set -eu
cd "$(dirname "$0")/.."
python=target/peers/bin/python
if [ ! -x "$python" ]; then
    python3 -m venv target/peers
    "$python" -m pip install --quiet duckdb
fi
cargo build --release
set -- --database sqlite --scale "${SCALE:-5}" --rounds "${ROUNDS:-7}" --keep "${KEEP:-data/kpi-history}" --duckdb "$python"
[ -z "${SMALLER:-}" ] || set -- "$@" --smaller "$SMALLER"
for question in ${OUTSIDE:-}; do set -- "$@" --outside "$question"; done
exec cargo run --release --example load -- "${WHAT:-kpi}" "$@"
