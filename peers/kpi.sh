#!/bin/sh
# QueryKpis beside DuckDB on the same rows, by turns. The first run loads ten million activities (see KEEP) and installs
# DuckDB for Python below target/; later runs use both again.
#   SCALE   5 is 1,000,000 cases and 10,000,000 activities
#   KEEP    directory of the loaded histories, about ten gigabytes at scale 5
#   ROUNDS  rounds of each contestant
set -eu
cd "$(dirname "$0")/.."
python=target/peers/bin/python
if [ ! -x "$python" ]; then
    python3 -m venv target/peers
    "$python" -m pip install --quiet duckdb
fi
cargo build --release
exec cargo run --release --example load -- kpi --database sqlite --scale "${SCALE:-5}" --rounds "${ROUNDS:-7}" \
    --keep "${KEEP:-data/kpi-history}" --duckdb "$python"
