"""The endpoint that the settings name."""

from backend.assistant.endpoint import Endpoint, Limits
from backend.settings import Settings


def endpoint_of(settings: Settings) -> Endpoint | None:
    """None where no model is configured: the address and the model's name belong together."""
    if not settings.llm_base_url or not settings.llm_model:
        return None
    silence = settings.llm_timeout_s
    limits = Limits(silence_s=silence, whole_s=silence * 4)
    return Endpoint(settings.llm_base_url, settings.llm_model, settings.llm_api_key, limits)
