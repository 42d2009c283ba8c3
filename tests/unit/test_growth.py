"""The growth simulator adds up: an operator buys machines by it. And the page of figures hides nothing."""

import re
from dataclasses import replace
from pathlib import Path

from benchmarks import performance
from benchmarks.growth import Costs, People, need, storm
from benchmarks.report import Cell, Report

COSTS = Costs(
    connect_s=0.001,
    socket_bytes=30_000,
    process_bytes=100e6,
    idle_s_per_socket_s=5e-6,
    delivery_s=12e-6,
    event_s=5e-4,
    escalation_s=0.01,
    request_s=0.004,
    connect_transactions=0.1,
)


def test_twice_the_customers_cost_twice_the_work() -> None:
    one, two = (need(msps, People(), COSTS, 10_000) for msps in (10_000, 20_000))
    assert two.cores == 2 * one.cores
    assert two.hints_handed_out_per_s > 3.5 * one.hints_handed_out_per_s, "each hint goes to each process"
    assert one.sockets <= one.processes * 10_000


def test_a_storm_is_over_when_all_are_back_and_spreading_saves_work() -> None:
    calm = storm(10_000, 2, replace(People(), comes_back_within_s=30), COSTS)
    assert (calm.tries_per_socket, calm.all_s < 31) == (1.0, True), "one process admits a thousand a second"
    rough = storm(40_000, 1, People(), COSTS)
    assert rough.all_s > 40_000 * COSTS.connect_s, "no process admits more than it can"
    assert rough.tries_per_socket > 1


def page(name: str, rows: list[dict[str, Cell]], tmp_path: Path) -> str:
    machine: dict[str, Cell] = dict.fromkeys(["cores", "cpu", "memory_gib", "system", "kernel", "load"], 1)
    found = Report(name=name, machine=machine, versions={}, date="2026-11-28T10:00:00+00:00", rows=rows)
    return performance._fanout(found, tmp_path) if name == "fanout" else performance._claims(name, found)


def test_a_bound_that_is_missed_is_told_so_and_a_dearer_telling_is_above_one(tmp_path: Path) -> None:
    ours: dict[str, Cell] = {
        "peer": "FlowPilot", "shape": "one account, 10,000", "sockets": 10_000, "kib_per_idle_socket": 41.0,
        "mb_in_all": 451.0, "cpu_s_per_million": 30.0,
    }  # fmt: skip
    bare = ours | {"peer": "bare uvicorn broadcaster", "cpu_s_per_million": 20.0}
    said = page("fanout", [ours, bare], tmp_path)
    assert len(re.findall(r"bound of (?:40|450) is missed", said)) == 2
    assert "1.50 times the processor time of the bare broadcaster" in said
    well = page("fanout", [ours | {"mb_in_all": 449.0, "kib_per_idle_socket": 39.0}, bare], tmp_path)
    assert len(re.findall(r"bound of (?:40|450) holds", well)) == 2


def test_pgbench_s_start_is_not_in_the_ratio_of_medians(tmp_path: Path) -> None:
    row: dict[str, Cell] = {"operation": "claim", "ours_p50_ms": 40.0, "pgbench_p50_ms": 10.0, "ratio_per_s": 0.9}
    assert page("claims", [row], tmp_path).endswith("| claim | 40 | 10 | 0.9 | 0.25 |")
