"""What was measured on Redis: each target beside the ratio that it is about, and the figures that the ratios are of."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from load import throughput
from report import described_machine, number

CACHE_OFF = "Redis, cache off"
CACHE_ON = "Redis, cache on"
EMBEDDED = "embedded store"
EARLIER = "embedded store, earlier version"
PYTHON = "Python, Redis"
# In the names of ratios that are shown in percent.
SHARE = "share of"

Ratio = Callable[[dict], float]


@dataclass(frozen=True)
class Target:
    """A bound of a ratio: it must be as large, or smaller where `is_upper`."""

    cell: str
    ratio: str
    of_round: Ratio
    bound: float
    is_upper: bool = False

    def measured(self, rounds: Iterable[dict]) -> dict:
        ratios = sorted(map(self.of_round, rounds))
        median = statistics.median(ratios)
        return {
            "cell": self.cell,
            "ratio": self.ratio,
            "below" if self.is_upper else "at_least": self.bound,
            "median": median,
            "rounds": ratios,
            "reached": median < self.bound if self.is_upper else median >= self.bound,
        }


def targets(result: dict) -> list[dict]:
    of_cells = [target.measured(cell["rounds"]) for cell in result["cells"] for target in targets_of_reads(cell)]
    written = result["materialization"]
    return of_cells + [target.measured(written["rounds"]) for target in targets_of_writes(written)]


def targets_of_reads(cell: dict) -> list[Target]:
    """Two measurements of one version differ by some percent, so an embedded store as fast as before may fall 3 % short."""
    name, servers = f"{cell['rows']} x {cell['features']}", cell["rounds"][0]["servers"]
    off, on = f"{name}, cache off", f"{name}, cache on"
    found = []
    if PYTHON in servers:
        found.append(Target(off, "requests/s, times Python's", rates(CACHE_OFF, PYTHON), 60 if cell["rows"] == 1 else 30))
    if cell["rows"] == 1:
        found.append(Target(off, "p50, times redis-benchmark's", beside_bare_command, 3, is_upper=True))
    else:
        found.append(Target(off, f"requests/s, {SHARE} redis-benchmark's in pipelines", beside_pipelines, 0.7))
    found.append(Target(on, f"requests/s, {SHARE} the embedded store's", rates(CACHE_ON, EMBEDDED), 0.85))
    found.append(Target(on, f"p50, {SHARE} the embedded store's", cached_beside_embedded, 1.15, is_upper=True))
    if EARLIER in servers:
        earlier = f"requests/s, {SHARE} the earlier version's"
        found.append(Target(f"{name}, embedded", earlier, rates(EMBEDDED, EARLIER), 0.97))
    return found


def targets_of_writes(written: dict) -> list[Target]:
    name = f"materialize {written['rows']:,} x {written['features']}"
    found = [
        Target(name, f"rows/s, {SHARE} redis-benchmark's in pipelines", beside_script_calls, 0.8),
        Target(name, f"rows/s, {SHARE} the same calls sent again", beside_calls_sent_again, 0.8),
    ]
    if "python" in written:
        rate = written["python"]["rows_per_second"]
        found.append(Target(name, "rows/s, times Python's", lambda of_round: of_round["rows_per_second"] / rate, 10))
    return found


def rates(of: str, beside: str) -> Ratio:
    return lambda of_round: throughput(of_round["servers"][of]) / throughput(of_round["servers"][beside])


def p50(measured: dict) -> float:
    return measured["single"]["p50_ms"]


def beside_bare_command(of_round: dict) -> float:
    return p50(of_round["servers"][CACHE_OFF]) / p50(of_round["redis-benchmark"])


def cached_beside_embedded(of_round: dict) -> float:
    return p50(of_round["servers"][CACHE_ON]) / p50(of_round["servers"][EMBEDDED])


def beside_pipelines(of_round: dict) -> float:
    return throughput(of_round["servers"][CACHE_OFF]) / throughput(of_round["redis-benchmark"])


def beside_script_calls(of_round: dict) -> float:
    return of_round["rows_per_second"] / best_script_calls(of_round)


def beside_calls_sent_again(of_round: dict) -> float:
    return of_round["rows_per_second"] / of_round["sent again"]["rows_per_second"]


def best_script_calls(of_round: dict) -> float:
    return max(run["rows_per_second"] for run in of_round["redis-benchmark"])


def tables(result: dict) -> str:
    parts = [head(result), target_table(result["targets"]), *map(read_table, result["cells"])]
    return "\n\n".join([*parts, write_table(result["materialization"])]) + "\n"


def head(result: dict) -> str:
    forms = {tuple(form.values()) for cell in result["cells"] for form in cell["hashes"]["forms"]}
    described = "; ".join(f"{encoding} of {fields} fields, {size:,} bytes" for encoding, fields, size in sorted(forms))
    return "\n".join(
        [
            described_machine(result),
            f"{result['entities']:,} entities, each a hash of five views of ten Int64 features ({described}), by feature "
            f"service, random entities; one worker a server. Medians of {result['rounds']} rounds of {result['seconds']:g} s a "
            "figure; all programs share the cores.",
        ]
    )


def target_table(measured: list[dict]) -> str:
    rows = []
    for target in measured:
        shown = "{:.0%}".format if SHARE in target["ratio"] else number
        bound = f"< {shown(target['below'])}" if "below" in target else f">= {shown(target['at_least'])}"
        rounds = f"{shown(target['rounds'][0])} to {shown(target['rounds'][-1])}"
        reached = "yes" if target["reached"] else "no"
        rows.append([target["cell"], target["ratio"], bound, shown(target["median"]), rounds, reached])
    return markdown(["cell", "ratio", "target", "measured", "rounds", "reached"], rows)


def read_table(cell: dict) -> str:
    rounds = cell["rounds"]
    rows = [
        read_row(name, [of_round["servers"][name] for of_round in rounds], commands)
        for name, commands in cell["commands_a_request"].items()
    ]
    bare = [of_round["redis-benchmark"] for of_round in rounds]
    name = f"redis-benchmark, {cell['rows']} {cell['command']} at once"
    rows.append(read_row(name, bare, cell["commands_a_request"][CACHE_OFF]))
    header = [f"{cell['rows']} x {cell['features']}", "requests/s", "alone", "p50 alone, ms", "p99 alone, ms"]
    return markdown([*header, "cores of the server", "cores of Redis", "commands a request"], rows)


def read_row(name: str, runs: list[dict], commands: float) -> list[str]:
    figures = [median(runs, throughput)]
    figures += [median(runs, lambda run: run["single"][key]) for key in ("requests_per_second", "p50_ms", "p99_ms")]
    figures += [median(runs, lambda run: run[key]) if key in runs[0] else "-" for key in ("cores_used", "cores_of_store")]
    return [name, *figures, number(commands)]


def write_table(written: dict) -> str:
    rounds, rows = written["rounds"], written["rows"]
    table = [write_row("this server's `feast materialize`", rows, rounds)]
    for runs in zip(*(of_round["redis-benchmark"] for of_round in rounds)):
        name = f"redis-benchmark, {runs[0]['pipeline']} EVALSHA at once, connections: {runs[0]['clients']}"
        table.append(write_row(name, rows, list(runs)))
    table.append(write_row("the same calls, sent again", rows, [of_round["sent again"] for of_round in rounds]))
    if "python" in written:
        table.append(write_row("Python's `feast materialize`", written["python"]["rows"], [written["python"]]))
    header = ["materialization", f"rows of {written['features']} features", "seconds", "rows/s"]
    return markdown([*header, "Redis, us a call of the script"], table)


def write_row(name: str, rows: int, runs: list[dict]) -> list[str]:
    micros = median(runs, lambda run: run["redis_us_a_row"]) if "redis_us_a_row" in runs[0] else "-"
    seconds = median(runs, lambda run: rows / run["rows_per_second"])
    return [name, f"{rows:,}", seconds, median(runs, lambda run: run["rows_per_second"]), micros]


def median(runs: Iterable[dict], figure: Callable[[dict], float]) -> str:
    return number(statistics.median(map(figure, runs)))


def markdown(header: list[str], rows: list[list[str]]) -> str:
    lines = [f"| {' | '.join(header)} |", "|---" * len(header) + "|"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])


def line(name: str, measured: dict) -> str:
    return f"  {name:<32} {number(throughput(measured)):>8} requests/s, p50 {number(p50(measured))} ms alone"


def write_line(measured: dict) -> str:
    line = f"materialized {measured['rows']:,} rows: {number(measured['rows_per_second'])} rows/s"
    if "redis-benchmark" in measured:
        line += f", redis-benchmark {number(best_script_calls(measured))}"
    if "sent again" in measured:
        line += f", the same calls sent again {number(measured['sent again']['rows_per_second'])}"
    return line
