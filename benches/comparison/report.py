"""What was measured, as a table in Markdown and as a plot."""

from __future__ import annotations

import datetime
import json
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot  # noqa: E402

from load import throughput  # noqa: E402

OURS = "Rust feast"
COLOURS = {OURS: "#b7410e", "without row cache": "#e0a080", "Python, sqlite": "#3b6ea5", "Python, Redis": "#7a9cc6"}


def machine(feast: Path, python_feast: Path | None) -> dict:
    processor = next(
        (line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        "unknown",
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    release = platform.freedesktop_os_release().get("PRETTY_NAME", "unknown")
    versions = {"feast (Rust)": version([feast, "--version"]), "rustc": version(["rustc", "--version"])}
    if python_feast is not None:
        versions["feast (Python)"] = version([python_feast, "version"])
        versions["Python"] = platform.python_version()
        versions["redis-server"] = version(["redis-server", "--version"]) if shutil.which("redis-server") else "none"
    return {
        "date": datetime.date.today().isoformat(),
        "processor": processor,
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30),
        "system": f"{release}, Linux {platform.release()}",
        "versions": versions,
    }


def version(command: list) -> str:
    ran = subprocess.run(command, capture_output=True, text=True)
    found = re.search(r"\d+\.\d+\.\d+", ran.stdout)
    return found.group() if found else "unknown"


def write(result: dict, table: str, path: Path) -> None:
    """What was measured as JSON, and its table, which is also printed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
    path.with_suffix(".md").write_text(table)
    print(f"\n{table}\nwritten to {path.parent}")


def number(value: float) -> str:
    """Three digits, as more are not reproduced."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def line(cell: dict) -> str:
    return (
        f"{cell['rows']:>4} x {cell['features']:<4} {cell['server']:<17} "
        f"{number(throughput(cell)):>8} requests/s, p50 {number(cell['single']['p50_ms'])} ms alone"
    )


def table(result: dict) -> str:
    names = list(dict.fromkeys(cell["server"] for cell in result["cells"]))
    peers = [name for name in names if name != OURS]
    lines = [*described(result), ""]
    header = ["rows x features"]
    for name in names:
        header += [f"{name}: requests/s", "p50, p99 alone", "p50, p99, p99.9 at half load"]
    header += [f"times {name}" for name in peers]
    lines += [f"| {' | '.join(header)} |", "|---" * len(header) + "|"]
    cells = {(cell["rows"], cell["features"], cell["server"]): cell for cell in result["cells"]}
    for rows, features in dict.fromkeys((cell["rows"], cell["features"]) for cell in result["cells"]):
        row = [f"{rows} x {features}"]
        for name in names:
            cell = cells[rows, features, name]
            single, paced = cell["single"], cell.get("paced")
            row.append(number(throughput(cell)))
            row.append(f"{number(single['p50_ms'])}, {number(single['p99_ms'])}")
            quantiles = [number(paced[key]) for key in ("p50_ms", "p99_ms", "p999_ms")] if paced else ["-"]
            row.append(", ".join(quantiles))
        ours = throughput(cells[rows, features, OURS])
        row += [number(ours / throughput(cells[rows, features, name])) for name in peers]
        lines.append(f"| {' | '.join(row)} |")
    lines += ["", *around(result)]
    return "\n".join(lines) + "\n"


def described(result: dict) -> list[str]:
    return [
        described_machine(result),
        f"{result['entities']:,} entities, ten Int64 features a view, by feature service, random entities; one worker a "
        f"server, {result['seconds']:g} s a figure. Times are in milliseconds.",
    ]


def described_machine(result: dict) -> str:
    described = result["machine"]
    versions = ", ".join(f"{name} {text}" for name, text in described["versions"].items())
    return (
        f"{described['date']}. {described['cores']} cores ({described['processor']}), {described['memory_gib']} GiB, "
        f"{described['system']}. {versions}."
    )


def around(result: dict) -> list[str]:
    bare = result["bare_route"]["requests_per_second"]
    ours = next(
        throughput(cell)
        for cell in result["cells"]
        if (cell["rows"], cell["features"], cell["server"]) == (1, 50, OURS)
    )
    lines = [
        f"A bare warp route that parses the body of 1 x 50 and answers the same bytes: {number(bare)} requests/s; "
        f"this server does {ours / bare:.0%} of it.",
        "",
        "| server | materialize | start to first answer | resident memory idle | after the load |",
        "|---|---|---|---|---|",
    ]
    for name, figures in result["servers"].items():
        lines.append(
            f"| {name} | {number(figures['materialize_seconds'])} s | {number(figures['start_seconds'] * 1000)} ms "
            f"| {number(figures['idle_megabytes'])} MB | {number(figures['loaded_megabytes'])} MB |"
        )
    return lines


def plot(result: dict, path: Path) -> None:
    """Requests per second and the time of a single request, both on logarithmic scales."""
    grid = list(dict.fromkeys((cell["rows"], cell["features"]) for cell in result["cells"]))
    names = list(dict.fromkeys(cell["server"] for cell in result["cells"]))
    figure, (rate_axes, latency) = pyplot.subplots(1, 2, figsize=(12, 4.2))
    width = 0.8 / len(names)
    for position, name in enumerate(names):
        cells = {(cell["rows"], cell["features"]): cell for cell in result["cells"] if cell["server"] == name}
        places = [number + (position - (len(names) - 1) / 2) * width for number in range(len(grid))]
        rates = [throughput(cells[key]) for key in grid]
        medians = [cells[key]["single"]["p50_ms"] for key in grid]
        colour = COLOURS.get(name)
        for axes, values in ((rate_axes, rates), (latency, medians)):
            bars = axes.bar(places, values, width, label=name, color=colour)
            axes.bar_label(bars, [number(value) for value in values], fontsize=6, rotation=90, padding=2)
    for axes, title in ((rate_axes, "Requests a second, one worker"), (latency, "p50 of one connection, ms")):
        axes.set_yscale("log")
        axes.set_title(title)
        axes.set_xticks(range(len(grid)), [f"{rows} x {features}" for rows, features in grid])
        axes.set_xlabel("rows x features")
        axes.tick_params(axis="x", labelsize=8)
        axes.margins(y=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    latency.legend(frameon=False, fontsize=8, loc="upper left")
    figure.tight_layout()
    figure.savefig(path, dpi=150)
