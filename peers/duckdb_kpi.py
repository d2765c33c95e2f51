"""Answers the KPI question of the load generator with DuckDB: right-party contacts and attempts by month and agent.

Usage: duckdb_kpi.py ACTIVITIES.csv

The CSV (as `load kpi --duckdb` writes it) is loaded once into a native table beside it, ACTIVITIES.duckdb. Then one
command a line is read: `time IT,SE` answers how many microseconds the question took for these markets together, from
the call to the last row fetched; `rows IT` answers how many rows there are, then the rows. Needs the package duckdb.
"""

import os
import sys
import time

import duckdb

# What a KPI counts as a contact; the other kinds are promises and payments.
CONTACTS = "('Call', 'NightCall', 'Email', 'Letter')"
# Agents, kinds, outcomes and markets as enumerations: of the forms tried, the one that DuckDB groups fastest. A table
# in the order of markets lets it skip the row groups of others.
LOAD = """
CREATE TABLE text AS SELECT * FROM read_csv(?, header = true, all_varchar = true);
CREATE TYPE market AS ENUM (SELECT DISTINCT market FROM text ORDER BY 1);
CREATE TYPE agent AS ENUM (SELECT DISTINCT agent FROM text ORDER BY 1);
CREATE TYPE kind AS ENUM (SELECT DISTINCT kind FROM text ORDER BY 1);
CREATE TYPE outcome AS ENUM (SELECT DISTINCT coalesce(outcome, '') AS outcome FROM text ORDER BY 1);
CREATE TABLE activity AS SELECT activity_id, market::market AS market, case_id, day::DATE AS day,
    agent::agent AS agent, kind::kind AS kind, coalesce(outcome, '')::outcome AS outcome FROM text;
DROP TABLE text;
CHECKPOINT;
"""


def question(markets):
    """The question for these markets, as one statement."""
    names = ", ".join(f"'{name}'" for name in markets)
    return f"""
        SELECT market, date_trunc('month', day)::DATE AS month, agent,
            count(*) FILTER (outcome IN ('OUTCOME_RIGHT_PARTY_NO_COMMITMENT', 'OUTCOME_RIGHT_PARTY_PROMISE')),
            count(*)
        FROM activity
        WHERE market IN ({names}) AND kind IN {CONTACTS} AND day >= DATE '2025-01-01' AND day < DATE '2026-01-01'
        GROUP BY ALL ORDER BY ALL"""


def open_table(path):
    """The native table of the CSV, loaded if it is not there."""
    native = os.path.splitext(path)[0] + ".duckdb"
    if not os.path.exists(native):
        unfinished = native + ".unfinished"
        if os.path.exists(unfinished):
            os.remove(unfinished)
        with duckdb.connect(unfinished) as connection:
            for statement in filter(str.strip, LOAD.split(";")):
                connection.execute(statement, [path] if "?" in statement else [])
        os.rename(unfinished, native)
    connection = duckdb.connect(native, read_only=True)
    connection.execute("SET threads = 2")
    return connection


def main():
    """Loads, then serves commands until the input ends."""
    connection = open_table(sys.argv[1])
    (rows,) = connection.execute("SELECT count(*) FROM activity").fetchone()
    connection.execute(question(["IT"])).fetchall()
    print(f"DuckDB {duckdb.__version__}, native table of {rows} rows, 2 threads", flush=True)
    for line in sys.stdin:
        command, names = line.split()
        text = question(names.split(","))
        start = time.perf_counter_ns()
        found = connection.execute(text).fetchall()
        micros = (time.perf_counter_ns() - start) // 1_000
        if command == "time":
            print(micros, flush=True)
        else:
            print(len(found))
            for _, month, agent, right, attempts in found:
                print(f"{month},{agent},{right},{attempts}")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
