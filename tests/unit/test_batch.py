"""Many small questions as one call: whoever asks is answered or told that there will be no answer."""

import asyncio

from backend.db.batch import Batch


async def test_whoever_asks_while_the_batch_is_being_ended_does_not_wait_for_ever() -> None:
    """A stop of the server cancels the batch and all sockets at once; each socket says goodbye by the same batch."""
    asked = asyncio.Event()

    async def ask(_keys: list[int]) -> list[int]:
        asked.set()
        await asyncio.Event().wait()
        return []

    batch = Batch(ask)
    first = asyncio.create_task(batch.one(1))
    await asked.wait()
    late = asyncio.create_task(batch.one(2))
    await asyncio.sleep(0)
    assert batch._task is not None
    batch._task.cancel()
    ended, waiting = await asyncio.wait({first, late}, timeout=5)
    assert not waiting
    assert all(one.cancelled() for one in ended)
