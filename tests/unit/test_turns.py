"""Places that accounts take in turn: none is ever lost, no account has all, and a storm does not stand in front."""

import asyncio
import random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.db.turns import Turns

_A, _B, _C = UUID(int=1), UUID(int=2), UUID(int=3)


async def _free(turns: Turns, places: int) -> None:
    """All places can be had again, each by an account of its own."""
    async with asyncio.timeout(5):
        for number in range(places):
            await turns.take(UUID(int=100 + number))


@given(st.randoms(use_true_random=False), st.integers(1, 4), st.integers(1, 3))
async def test_whoever_gives_up_waiting_takes_no_place_with_them(draw: random.Random, places: int, each: int) -> None:
    turns = Turns(places, each)
    inside = dict.fromkeys((_A, _B, _C), 0)

    async def work(account: UUID) -> None:
        async with turns.of(account):
            inside[account] += 1
            assert inside[account] <= each
            assert sum(inside.values()) <= places
            try:
                for _ in range(draw.randrange(3)):
                    await asyncio.sleep(0)
            finally:
                inside[account] -= 1

    tasks = [asyncio.create_task(work(draw.choice((_A, _B, _C)))) for _ in range(20)]
    for _ in range(15):
        await asyncio.sleep(0)
        draw.choice(tasks).cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        assert ended is None or isinstance(ended, asyncio.CancelledError)
    await _free(turns, places)


async def test_a_place_is_free_again_when_its_block_is_ended_from_another_task() -> None:
    """As Python ends a generator that nobody read to its end: the mark of the task that began is out of reach."""
    turns = Turns(1, 1)
    block = turns.of(_A)
    await asyncio.create_task(block.__aenter__())
    with pytest.raises(ValueError, match="different Context"):
        await block.__aexit__(None, None, None)
    await _free(turns, 1)


async def test_the_next_place_goes_to_the_account_that_has_waited_not_to_the_storm() -> None:
    turns = Turns(1, 1)
    order: list[UUID] = []

    async def work(account: UUID) -> None:
        async with turns.of(account):
            order.append(account)
            await asyncio.sleep(0)

    await asyncio.gather(*(work(_A) for _ in range(10)), work(_B))
    assert order.index(_B) <= 2
