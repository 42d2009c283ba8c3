"""The whole way with a real model server (llama.cpp): a reply that streams, an assessment of the asked form."""

import asyncio
import os

import pytest

from tests.conftest import Http, StartServer
from tests.integration.test_assessment import People, assessed, worked_on
from tests.integration.test_assistant_replies import listening, say

URL = os.environ.get("FLOWPILOT_TEST_LLM_URL", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not URL, reason="needs a model server: scripts/local_model.py, then FLOWPILOT_TEST_LLM_URL"),
]


@pytest.mark.timeout(600)
async def test_a_real_model_answers_in_the_chat_and_assesses(
    people: People, start_server: StartServer, http: Http
) -> None:
    settings = {
        "FLOWPILOT_LLM_BASE_URL": URL,
        "FLOWPILOT_LLM_MODEL": "smollm2",
        "FLOWPILOT_LLM_API_KEY": "sk-local",
        "FLOWPILOT_LLM_TIMEOUT_S": "120",
    }
    server = await start_server(workers=1, **settings)
    crew = await people()
    junior = http(crew.technician, at=server)
    session_id = await worked_on(junior)
    async with asyncio.timeout(500), listening(junior, session_id) as ear:
        ear.patience_s = 300  # a small machine that does other things too
        message_id = await say(junior, session_id, "The tunnel dropped again at 10:41.")
        done = await ear.until("reply.done", "reply.failed")
        deltas = [data for kind, data in ear.heard if kind == "reply.delta"]
        assert (done["state"], done["message_id"]) == ("done", message_id), done
        assert len(deltas) > 1, "it streams"
        assert ear.text(done["id"]) == done["content"]
    package = await assessed(junior, session_id)
    assert package["assessment"] is not None
    source, why = package["assessment"]["source"], package["assessment_reason"]
    assert source == "model" or why, "where the small model does not do it in time, the reason is told"
