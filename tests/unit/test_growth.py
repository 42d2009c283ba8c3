"""The growth simulator adds up: its page is what an operator buys machines by."""

from dataclasses import replace

from benchmarks.growth import Costs, People, need, storm

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
