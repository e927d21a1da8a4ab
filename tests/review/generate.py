#!/usr/bin/env python3
"""Writes a month of history into a store, from a file with the truth about that month.

    generate.py TRUTH.json STORE.db [--checks login,booking] [--numbers NUMBERS.json]

It also writes a day before and a day after the month, which no review of the month may count. The store must exist with its tables; its
contents are replaced. `docs/operations/store.md` describes the tables. NUMBERS.json receives what a review of the month has to find, as
computed from what was written. This script knows nothing of the program's code, so a mistake in the program is not repeated here.
"""

import argparse
import bisect
import json
import math
import random
import sqlite3
import statistics
from datetime import datetime, timedelta, timezone

DAY = 86_400
WEEK = 7 * DAY
# The first Monday after the start of 1970.
MONDAY = 4 * DAY
OUTCOMES = ("passed", "failed", "inconclusive", "maintenance")
COUNTED = "Count"


def seconds(text):
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def stamp(at):
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Spans:
    """Times with a value, such as the level of a metric during an incident."""

    def __init__(self):
        self.starts, self.spans = [], []

    def add(self, start, minutes, value):
        index = bisect.bisect(self.starts, start)
        self.starts.insert(index, start)
        self.spans.insert(index, (start, start + minutes * 60, value))

    def at(self, time):
        index = bisect.bisect(self.starts, time) - 1
        if index >= 0 and self.spans[index][0] <= time < self.spans[index][1]:
            return self.spans[index][2]
        return None


class Month:
    def __init__(self, truth):
        self.truth = truth
        self.until = seconds(truth["until"])
        self.start = self.until - truth["days"] * DAY
        self.random = random.Random(truth["seed"])
        self.levels, self.failing, self.silent, self.unsure = {}, {}, {}, {}
        for incident in truth["incidents"]:
            at = seconds(incident["at"])
            self.failing.setdefault(incident["check"], Spans()).add(at, incident["minutes"], incident)
            for value, level in incident["values"].items():
                self.levels.setdefault(value, Spans()).add(at, incident["minutes"], level)
        for blip in truth["blips"]:
            for at in blip["at"]:
                self.levels.setdefault(blip["value"], Spans()).add(seconds(at), blip["minutes"], blip["level"])
        for check, times in truth["failed_runs"].items():
            for at in times:
                cadence = truth["checks"][check]["cadence"]
                self.failing.setdefault(check, Spans()).add(seconds(at), cadence / 60, None)
        for gap in truth["gaps"]:
            for check in gap["checks"]:
                self.silent.setdefault(check, Spans()).add(seconds(gap["at"]), gap["minutes"], True)
        for lost in truth["inconclusive"]:
            self.unsure.setdefault(lost["check"], Spans()).add(seconds(lost["at"]), lost["minutes"], True)

    def requests(self, at):
        """Requests follow the day of the users, whose clock changes once."""
        change = self.truth["clock_change"]
        hours = change["hours_before"] if at < seconds(change["at"]) else change["hours_after"]
        local = datetime.fromtimestamp(at, timezone.utc) + timedelta(hours=hours)
        day = max(0.0, math.sin((local.hour + local.minute / 60 - 6) / 18 * math.pi)) if local.hour >= 6 else 0.0
        return (200 + 1_800 * day) * (0.6 if local.weekday() >= 5 else 1.0)

    def drift(self, value, at):
        for drift in self.truth["drifts"]:
            if drift["value"] == value:
                part = (at - self.start) / (self.until - self.start)
                wave = drift["daily_noise"] * math.sin((at // DAY) * 2.4)
                return drift["from"] + (drift["to"] - drift["from"]) * part + wave
        return None

    def value(self, name, at, level, sigma):
        found = self.levels[name].at(at) if name in self.levels else None
        if found is not None:
            # Far less noise than between the levels of the truth.
            return found * (1 + self.random.uniform(-0.03, 0.03))
        return level * math.exp(self.random.gauss(0, sigma)) if level else 0.0


class Store:
    def __init__(self, path, truth):
        self.truth = truth
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA synchronous = OFF")
        self.connection.execute("BEGIN IMMEDIATE")
        for table in (
            "outbox last_runs incidents notifications run_steps runs points series daily_runs daily_subjects alarm_states "
            "alarm_changes marks deliveries checks platform"
        ).split():
            self.connection.execute(f"DELETE FROM {table}")
        self.connection.execute("INSERT INTO platform VALUES (1, ?, ?)", (truth["environment"], truth["host"]))
        self.series, self.points, self.runs, self.steps = {}, [], [], []
        self.judged = {headroom["value"]: [] for headroom in truth["headroom"].values()}
        self.incidents = {}

    def publish(self, check, metric, at, value):
        key = (check, metric)
        if f"{check}/{metric}" in self.judged:
            self.judged[f"{check}/{metric}"].append((at, value))
        if key not in self.series:
            name, _, channel = metric.partition("/")
            dimensions = {"Check": check, "Environment": self.truth["environment"]}
            if check is None:
                del dimensions["Check"]
            if channel:
                dimensions["Channel"] = channel
            text = json.dumps(dict(sorted(dimensions.items())), separators=(",", ":"))
            number = len(self.series) + 1
            self.series[key] = number
            unit = self.truth["units"].get(name, COUNTED)
            self.connection.execute("INSERT INTO series VALUES (?, ?, ?, ?)", (number, name, text, unit))
        self.points.append((self.series[key], at * 1_000, value))

    def write(self):
        self.connection.executemany("INSERT INTO points VALUES (?, ?, ?)", self.points)
        self.connection.executemany(
            "INSERT INTO runs (id, run_id, check_id, slot, scheduled_at, started, ended, outcome, report, attempt_ms) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, ?)",
            self.runs,
        )
        self.connection.executemany("INSERT INTO run_steps VALUES (?, ?, ?, ?, ?, ?)", self.steps)
        self.points, self.runs, self.steps = [], [], []

    def finish(self):
        self.connection.execute("COMMIT")
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.connection.close()


def percentile(values, part):
    """The first value of a sorted list with at least this part of all at or before it."""
    return values[max(0, math.ceil(part * len(values)) - 1)] if values else None


class Days:
    """Numbers of each UTC day of a check."""

    def __init__(self):
        self.days, self.runs = {}, []

    def add(self, at, outcome, duration):
        counts, durations = self.days.setdefault(at - at % DAY, ({}, []))
        counts[outcome] = counts.get(outcome, 0) + 1
        self.runs.append((at, outcome))
        if duration is not None:
            durations.append(duration)

    def rows(self, check):
        for day, (counts, durations) in sorted(self.days.items()):
            durations.sort()
            outcomes = [counts.get(outcome, 0) for outcome in OUTCOMES]
            percentiles = [percentile(durations, part) for part in (0.5, 0.95, 0.99)]
            yield (check, day * 1_000, *outcomes, len(durations), *percentiles)


class Numbers:
    """Numbers of the month, without the days around it."""

    def __init__(self, month):
        self.month, self.checks, self.subjects = month, {}, {}
        self.weeks, start = [], month.start
        while start < month.until:
            end = min(start - (start - MONDAY) % WEEK + WEEK, month.until)
            self.weeks.append((start, end))
            start = end

    def add_check(self, check, days):
        rows = list(days.rows(check))
        counts = self.counts(days.runs, self.month.start, self.month.until)
        judged = counts["passed"] + counts["failed"]
        objective = self.month.truth["objectives"].get(check)
        allowed = (1 - objective) * judged if objective else None
        self.checks[check] = {
            **counts,
            "budget_spent": counts["failed"] / allowed if allowed else None,
            "weeks": [self.week(days.runs, rows, *week) for week in self.weeks],
        }

    def add_subject(self, name, rows):
        # Subjects are counted by whole days.
        total = lambda start, end, place: sum(row[place] for row in rows if start < row[1] / 1_000 + DAY and row[1] / 1_000 < end)
        weeks = [(total(*week, 3), total(*week, 4)) for week in self.weeks]
        self.subjects[name] = [{"passed": passed, "failed": failed, "success": passed / (passed + failed)} for passed, failed in weeks]

    def week(self, runs, rows, start, end):
        counts = self.counts(runs, start, end)
        judged = counts["passed"] + counts["failed"]
        # Percentiles are those of whole days.
        days = [row[-3:] for row in rows if start < row[1] / 1_000 + DAY and row[1] / 1_000 < end and row[-1] is not None]
        medians = [statistics.median(day[index] for day in days) if days else None for index in range(3)]
        percentiles = dict(zip(("p50_ms", "p95_ms", "p99_ms"), medians))
        return {**counts, "success": counts["passed"] / judged if judged else None, **percentiles}

    @staticmethod
    def counts(runs, start, end):
        own = [outcome for at, outcome in runs if start <= at < end]
        return {outcome: own.count(outcome) for outcome in OUTCOMES}

    def headroom(self, store, alarm):
        """Percentiles of what an alarm judges in whole periods outside the incidents of its check, counted towards its threshold."""
        settings = self.month.truth["headroom"][alarm]
        periods = {}
        for at, value in store.judged[settings["value"]]:
            if self.month.start <= at < self.month.until:
                periods.setdefault(at - at % settings["period"], []).append(value)
        check = settings["value"].split("/")[0]
        spans = store.incidents.get(check, [])
        is_outside = lambda start: not any(since < start + settings["period"] and start <= end for since, end in spans)
        one = {"average": statistics.fmean, "minimum": min}[settings["statistic"]]
        values = sorted((one(values) for start, values in periods.items() if is_outside(start)), reverse=settings["below"])
        parts = [percentile(values, part) for part in (0.5, 0.95, 0.99, 1)]
        return {**dict(zip(("p50", "p95", "p99", "worst"), parts)), "values": len(values)}

    def write(self, file, store):
        alarms = {alarm: self.headroom(store, alarm) for alarm in self.month.truth["headroom"]}
        with open(file, "w", encoding="utf-8") as out:
            json.dump({"checks": self.checks, "subjects": self.subjects, "headroom": alarms}, out)


def write_check(month, store, numbers, check):
    settings = month.truth["checks"][check]
    cadence, sigma = settings["cadence"], month.truth["noise"][settings["noise"]]
    state = json.dumps({"schema_version": 3, "subjects": {}})
    store.connection.execute("INSERT INTO checks (id, version, state) VALUES (?, 1, ?)", (check, state))
    days, open_incident = Days(), None
    passed_since = 0
    first = month.start - DAY
    for at in range(first + (-first) % cadence, month.until + DAY, cadence):
        if check in month.silent and month.silent[check].at(at):
            continue
        failing = check in month.failing and at_span(month.failing[check], at)
        unsure = settings.get("always") == "inconclusive" or (check in month.unsure and month.unsure[check].at(at))
        outcome = "inconclusive" if unsure else "failed" if failing else "passed"
        store.publish(check, "Inconclusive", at, 1.0 if unsure else 0.0)
        duration = None
        if not unsure:
            duration = month.value(f"{check}/Duration", at, settings["duration"], sigma)
            store.publish(check, "Success", at, 0.0 if failing else 1.0)
            store.publish(check, "Duration", at, duration)
            write_values(month, store, check, settings, at, sigma)
        number = store_run(store, month, check, at, outcome, duration)
        write_steps(store, number, settings, outcome, duration, failing)
        days.add(at, outcome, duration)
        incident = failing[0] if failing else None
        if incident and open_incident is None:
            open_incident, passed_since = (incident, at), 0
        elif open_incident and not failing:
            passed_since += 1
            if passed_since == 2:
                write_incident(store, check, open_incident, cadence, at)
                open_incident = None
    rows = list(days.rows(check))
    numbers.add_check(check, days)
    store.connection.executemany(
        "INSERT INTO daily_runs (check_id, day, passed, failed, inconclusive, maintenance, durations, p50_ms, p95_ms, p99_ms) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
    # The first subject is the one that fails.
    for place, subject in enumerate(settings.get("subjects", ["-"])):
        counts = [(check, day, subject, passed, failed) if place == 0 else (check, day, subject, passed + failed, 0)
                  for check, day, passed, failed, *_ in rows]
        store.connection.executemany("INSERT INTO daily_subjects VALUES (?, ?, ?, ?, ?)", counts)
        if subject != "-":
            numbers.add_subject(f"{check}/{subject}", counts)


def at_span(spans, time):
    """The incident at a time in a list, or a list with None for a single failed run; nothing otherwise."""
    index = bisect.bisect(spans.starts, time) - 1
    if index >= 0 and spans.spans[index][0] <= time < spans.spans[index][1]:
        return [spans.spans[index][2]]
    return None


def write_values(month, store, check, settings, at, sigma):
    for metric, level in settings["metrics"].items():
        store.publish(check, metric, at, month.value(f"{check}/{metric}", at, level, sigma))
    for metric, (every, level) in settings.get("every", {}).items():
        if at % every == 0:
            store.publish(check, metric, at, month.value(f"{check}/{metric}", at, level, sigma))
    for drift in month.truth["drifts"]:
        owner, _, metric = drift["value"].partition("/")
        if owner == check:
            store.publish(check, metric, at, month.drift(drift["value"], at))
    if check == "application":
        store.publish(check, "Requests", at, month.requests(at) * month.random.uniform(0.9, 1.1))


def store_run(store, month, check, at, outcome, duration):
    number = at * 16 + list(month.truth["checks"]).index(check)
    run_id = f"{at:012x}-0000-7000-8000-{number:012x}"
    ended = at * 1_000 + int(duration or 1)
    store.runs.append((number, run_id, check, "home/0of1", at * 1_000, at * 1_000, ended, outcome, duration))
    return number


def write_steps(store, number, settings, outcome, duration, failing):
    failed_step = failing[0]["step"] if failing and failing[0] else None
    skipped = False
    for position, (step, share) in enumerate(settings["steps"].items()):
        if outcome == "inconclusive":
            result = "inconclusive"
        elif skipped:
            result = "skipped"
        elif outcome == "failed" and (step == failed_step or (failed_step is None and position == 0)):
            result, skipped = "failed", True
        else:
            result = "passed"
        store.steps.append((number, position, "-", step, result, (duration or 0) * share))


def write_incident(store, check, incident, cadence, closed_at):
    truth, since = incident
    failure = {
        "subject": "-",
        "step": truth["step"],
        "kind": truth["kind"],
        "expected": "what the truth expects",
        "actual": "something else",
    }
    since_text = stamp(since)
    number = f"{check}.{since_text.replace('-', '').replace(':', '')}"
    severity = truth.get("severity", "critical")
    record = {
        "schema_version": 2,
        "id": number,
        "check": check,
        "subject": "-",
        "since": since_text,
        "opened_at": stamp(since + cadence),
        "severity": severity,
        "first": failure,
        "latest": failure,
        "notifications": [],
        "silences": [],
        "closed_at": stamp(closed_at),
    }
    store.incidents.setdefault(check, []).append((since, closed_at))
    store.connection.execute(
        "INSERT INTO incidents VALUES (?, ?, '-', ?, ?, ?, ?)",
        (check, number, since * 1_000, closed_at * 1_000, severity, json.dumps(record)),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("truth")
    parser.add_argument("store")
    parser.add_argument("--checks", help="ids, separated by commas; all by default")
    parser.add_argument("--numbers", help="file for the numbers that a review has to find")
    arguments = parser.parse_args()
    with open(arguments.truth, encoding="utf-8") as file:
        truth = json.load(file)
    month, store = Month(truth), Store(arguments.store, truth)
    numbers = Numbers(month)
    for check in arguments.checks.split(",") if arguments.checks else truth["checks"]:
        write_check(month, store, numbers, check)
        store.write()
    store.connection.executemany(
        "INSERT INTO marks VALUES (?, ?, 'pipeline')", [(seconds(mark["at"]) * 1_000, mark["text"]) for mark in truth["marks"]]
    )
    store.finish()
    if arguments.numbers:
        numbers.write(arguments.numbers, store)


if __name__ == "__main__":
    main()
