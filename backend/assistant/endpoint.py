"""Any OpenAI-compatible endpoint: `POST {base}/chat/completions`, streamed, or answering JSON of a schema. No tools.

Source: the Chat Completions reference of OpenAI; vLLM, llama.cpp, Ollama, LiteLLM and Azure speak the same. One client
per process, kept alive; every call has a limit for the connection, for the silence between two parts and for the whole.

    ModelError           one plain sentence for people; `retry_after_s` where the provider asked for a pause
    └─ NotJsonError      an answer came, and it is not what was asked for
"""

import asyncio
import json
import math
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec

Chat = Sequence[Mapping[str, str]]
"""Messages with `role` (system, user, assistant) and `content`."""
_T = TypeVar("_T", bound=msgspec.Struct)

_CONNECT_S: Final = 5.0
_LONGEST_ANSWER: Final = 200_000
_LONGEST_PAUSE_S: Final = 3_600.0
_PLAIN_FORMAT: Final = {"type": "json_object"}
_AT_ONCE: Final = 64
_BROKEN: Final = "The connection to the AI model broke in the middle of the answer."


class ModelError(Exception):
    """The model gave no answer that can be used; the text is one sentence for people."""

    def __init__(self, words: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(words)
        self.words = words
        self.retry_after_s = retry_after_s


class NotJsonError(ModelError):
    """It answered, but not as the schema asks."""

    def __init__(self) -> None:
        super().__init__("The AI model answered in a form that cannot be used.")


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds. `silence_s` is the longest pause before the first and between two parts, `whole_s` all of it."""

    silence_s: float = 30.0
    whole_s: float = 120.0


class Endpoint:
    """One endpoint and one of its models."""

    def __init__(self, base_url: str, model: str, api_key: str | None, limits: Limits | None = None) -> None:
        self.model = model
        self.host = urlsplit(base_url).netloc.rpartition("@")[2]
        self._base = base_url.rstrip("/")
        self._limits = limits or Limits()
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._open: httpx.AsyncClient | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._open is not None:
            await self._open.aclose()

    async def stream(self, chat: Chat) -> AsyncGenerator[str]:
        """The answer in parts as they come. Raises ModelError, also after parts have come (a cut stream)."""
        finished = False
        async with self._asked({"messages": list(chat), "stream": True}) as response:
            length = 0
            async for line in response.aiter_lines():
                data = line.removeprefix("data:").strip() if line.startswith("data:") else ""
                if data == "[DONE]":
                    finished = True
                    break
                text, ended = _part(data) if data else ("", False)
                finished = finished or ended
                length += len(text)
                if length > _LONGEST_ANSWER:
                    raise ModelError("The AI model would not stop writing.")
                if text:
                    yield text
        if not finished:
            raise ModelError(_BROKEN)

    async def structured(self, chat: Chat, shape: type[_T], name: str) -> _T:
        """An answer of this shape. Raises NotJsonError when it has another, ModelError when none came.

        Endpoints that do not know JSON schemas are asked for plain JSON; the shape is checked here in any case.
        """
        schema = msgspec.json.schema(shape)
        strict = {"type": "json_schema", "json_schema": {"name": name, "schema": _inlined(schema), "strict": True}}
        for wanted in (strict, _PLAIN_FORMAT, None):
            body: dict[str, Any] = {"messages": list(chat), "stream": False, "temperature": 0}
            if wanted is not None:
                body["response_format"] = wanted
            try:
                async with self._asked(body, refused_format=wanted is not None) as response:
                    answer = await response.aread()
            except _FormatRefusedError:
                continue
            return _shaped(answer, shape)
        raise NotJsonError  # pragma: no cover - the last round asks for no format, so none can be refused

    async def probe(self) -> str:
        """See that the endpoint answers and takes the key; what it said, in words. Raises ModelError."""
        async with self._asked({"messages": [{"role": "user", "content": "Say OK."}], "max_tokens": 4}) as response:
            await response.aread()
        return f"{self.model} at {self.host} answers"

    @asynccontextmanager
    async def _asked(self, body: dict[str, Any], *, refused_format: bool = False) -> AsyncIterator[httpx.Response]:
        request = self._client().build_request(
            "POST", f"{self._base}/chat/completions", json={"model": self.model, **body}, headers=self._headers
        )
        begun = False
        try:
            async with asyncio.timeout(self._limits.whole_s):
                response = await self._client().send(request, stream=True)
                try:
                    if response.status_code != httpx.codes.OK:
                        await _refused(response, refused_format=refused_format)
                    begun = True
                    yield response
                finally:
                    await response.aclose()
        except (TimeoutError, httpx.TimeoutException) as error:
            raise ModelError("The AI model did not answer in time.") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ModelError(_BROKEN if begun else "The AI model cannot be reached.") from error

    def _client(self) -> httpx.AsyncClient:
        if self._open is None:
            silence = httpx.Timeout(self._limits.silence_s, connect=min(_CONNECT_S, self._limits.silence_s))
            limits = httpx.Limits(max_connections=_AT_ONCE)
            self._open = httpx.AsyncClient(timeout=silence, limits=limits, follow_redirects=False)
        return self._open


class _FormatRefusedError(Exception):
    """The endpoint does not know this `response_format`."""


async def _refused(response: httpx.Response, *, refused_format: bool) -> None:
    """Raise what a status other than 200 means. The provider's own words are not shown: they may quote the prompt."""
    status = response.status_code
    if status in {400, 422} and refused_format:
        raise _FormatRefusedError
    if status in {401, 403}:
        raise ModelError("The AI model refused the sign-in: FLOWPILOT_LLM_API_KEY is not accepted.")
    if status == httpx.codes.NOT_FOUND:
        raise ModelError("The AI endpoint does not know this address or model.")
    if status == httpx.codes.TOO_MANY_REQUESTS:
        pause = _retry_after(response.headers.get("retry-after"))
        words = f"The AI model is busy. Try again in {math.ceil(pause)} s." if pause else "The AI model is busy."
        raise ModelError(words, retry_after_s=pause)
    raise ModelError(f"The AI model answered with an error ({status}).", retry_after_s=_retry_after(None))


def _retry_after(text: str | None) -> float | None:
    """Seconds; the other form of the header, a date, is not used by those we know."""
    return min(float(text), _LONGEST_PAUSE_S) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def _part(data: str) -> tuple[str, bool]:
    """The text of one event and whether the answer ends with it."""
    try:
        event = json.loads(data)
        if "error" in event:
            raise ModelError("The AI model stopped with an error.")
        choices = event.get("choices") or [{}]
        text = (choices[0].get("delta") or {}).get("content") or ""
        return str(text), choices[0].get("finish_reason") is not None
    except (ValueError, AttributeError, TypeError, LookupError) as error:
        raise ModelError("The AI model sent something that cannot be read.") from error


def _shaped(answer: bytes, shape: type[_T]) -> _T:
    try:
        text = str(json.loads(answer)["choices"][0]["message"]["content"]).strip()
        if text.startswith("```"):  # fenced, as many small models do
            text = text.partition("\n")[2].rpartition("```")[0]
        return msgspec.json.decode(text, type=shape)
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise NotJsonError from error


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without references to itself, as `strict` wants it: nothing but what is named, all of it required."""
    names = schema.get("$defs", {})

    def walk(node: Any) -> Any:
        if isinstance(node, list):
            return [walk(one) for one in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return walk(names[node["$ref"].rpartition("/")[2]])
        plain = {key: walk(value) for key, value in node.items() if key not in {"$defs", "title", "default"}}
        if plain.get("type") == "object":
            plain |= {"additionalProperties": False, "required": list(plain.get("properties", {}))}
        return plain

    result: dict[str, Any] = walk(schema)
    return result
