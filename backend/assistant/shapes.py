"""What a model is asked to answer in: the only forms in which anything of it is believed."""

from typing import Annotated, Literal

import msgspec

Line = Annotated[str, msgspec.Meta(min_length=1, max_length=600)]
Prose = Annotated[str, msgspec.Meta(min_length=1, max_length=1_500)]


class Assessed(msgspec.Struct, forbid_unknown_fields=True):
    """The assessment of a handoff. `confidence` is 0 to 1."""

    summary: Prose
    known: Annotated[list[Line], msgspec.Meta(max_length=8)]
    likely_cause: Line
    why: Prose
    next_steps: Annotated[list[Line], msgspec.Meta(min_length=1, max_length=5)]
    confidence: Annotated[float, msgspec.Meta(ge=0, le=1)]


class ReadFact(msgspec.Struct, forbid_unknown_fields=True):
    """Something that the message states."""

    label: Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
    value: Annotated[str, msgspec.Meta(min_length=1, max_length=600)]


class ReadStep(msgspec.Struct, forbid_unknown_fields=True):
    """Something that the writer did, and what came of it."""

    action: Annotated[str, msgspec.Meta(min_length=1, max_length=400)]
    outcome: Literal["worked", "helped", "no_change", "worse", "blocked", "not_tried"]


class Read(msgspec.Struct, forbid_unknown_fields=True):
    """What a message reports."""

    facts: Annotated[list[ReadFact], msgspec.Meta(max_length=5)]
    steps: Annotated[list[ReadStep], msgspec.Meta(max_length=5)]
