"""Answers KPI questions of the load generator with DuckDB.

Usage: duckdb_kpi.py ACTIVITIES.csv

The CSV (as `load kpi --duckdb` writes it) is loaded once into a native table beside it, ACTIVITIES.duckdb. Then one
command a line is read, and times are microseconds from the call to the last row fetched. Needs the package duckdb.

`time IT,SE` answers how long right-party contacts and attempts by month and agent took for these markets together;
`rows IT` answers how many rows that has, then the rows. `ask plain month agent IT` asks a question of QUESTIONS by a grain
and a column (`-`: by none), of one market, and answers its time and how many rows it has.
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
CREATE TYPE client AS ENUM (SELECT DISTINCT client FROM text ORDER BY 1);
CREATE TABLE activity AS SELECT activity_id, market::market AS market, case_id, client::client AS client,
    day::DATE AS day, date_trunc('week', day::DATE)::DATE AS week, date_trunc('month', day::DATE)::DATE AS month,
    date_trunc('quarter', day::DATE)::DATE AS quarter, date_trunc('year', day::DATE)::DATE AS year,
    agent::agent AS agent, kind::kind AS kind, coalesce(outcome, '')::outcome AS outcome,
    amount::BIGINT AS amount, due::DATE AS due FROM text;
DROP TABLE text;
CHECKPOINT;
"""


YEAR = "day >= DATE '2025-01-01' AND day < DATE '2026-01-01'"
# What `ask` asks. Here the first days of week, month, quarter and year are columns of the table, so that no question
# computes them: the plain one is the least that any figure of activities by period and group can take.
QUESTIONS = {
    "plain": "SELECT {by}, count(*) FROM activity WHERE market = '{market}' AND {year} GROUP BY ALL",
    # By columns that no KPI is kept by together.
    "outside": "SELECT {by}, client, kind, count(*) FROM activity WHERE market = '{market}' AND {year} GROUP BY ALL",
    "rpc_rate": """
        SELECT {by}, count(*) FILTER (outcome IN ('OUTCOME_RIGHT_PARTY_NO_COMMITMENT', 'OUTCOME_RIGHT_PARTY_PROMISE')),
            count(*)
        FROM activity WHERE market = '{market}' AND kind IN {contacts} AND {year} GROUP BY ALL""",
    "collected": """
        SELECT {by}, sum(amount), count(*) FROM activity WHERE market = '{market}' AND kind = 'Payment' AND {year}
        GROUP BY ALL""",
    "accounts_attempted": """
        SELECT {by}, count(DISTINCT case_id) FROM activity WHERE market = '{market}' AND kind IN {contacts} AND {year}
        GROUP BY ALL""",
    # A stock: of every day and group, whether or not anything happened, what was paid to date. A part of a balance.
    "paid_to_date": """
        WITH periods AS (SELECT DISTINCT {grain} FROM activity WHERE {year}),
            groups AS (SELECT DISTINCT {column} FROM activity WHERE market = '{market}'),
            change AS (SELECT {by}, sum(amount) AS amount FROM activity
                WHERE market = '{market}' AND kind = 'Payment' AND day < DATE '2026-01-01' GROUP BY ALL)
        SELECT {by}, sum(coalesce(amount, 0)) OVER (PARTITION BY {column} ORDER BY {grain})
        FROM periods CROSS JOIN groups LEFT JOIN change USING ({by})""",
    # By the day of the promise and what its case paid until it was due. Whose payment counts towards which of several
    # promises is not asked, which a ledger must.
    "promises_kept": """
        WITH promise AS (SELECT {by}, activity_id, case_id, day AS made, due, amount AS promised FROM activity
                WHERE market = '{market}' AND kind = 'Promise' AND {year}),
            payment AS (SELECT case_id, day AS paid, amount FROM activity WHERE market = '{market}' AND kind = 'Payment'),
            kept AS (SELECT {names}, activity_id, coalesce(sum(amount), 0) >= any_value(promised) AS is_kept
                FROM promise LEFT JOIN payment ON promise.case_id = payment.case_id AND paid BETWEEN made AND due
                GROUP BY ALL)
        SELECT {names}, count(*) FILTER (is_kept), count(*) FROM kept GROUP BY ALL""",
}


def asked(what, grain, column, market):
    """A question of QUESTIONS as one statement."""
    names = grain if column == "-" else f"{grain}, {column}"
    return QUESTIONS[what].format(by=names, names=names, grain=grain, column=column, market=market, contacts=CONTACTS, year=YEAR)


def timed(connection, text):
    """The rows, and the microseconds until the last one is there."""
    start = time.perf_counter_ns()
    found = connection.execute(text).fetchall()
    return found, (time.perf_counter_ns() - start) // 1_000


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
        command, *words = line.split()
        if command == "ask":
            found, micros = timed(connection, asked(*words))
            print(micros, len(found), flush=True)
            continue
        found, micros = timed(connection, question(words[0].split(",")))
        if command == "time":
            print(micros, flush=True)
        else:
            print(len(found))
            for _, month, agent, right, attempts in found:
                print(f"{month},{agent},{right},{attempts}")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
