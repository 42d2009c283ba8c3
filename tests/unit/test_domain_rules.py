"""Small pure rules: roles, bounds of text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.contract.vocabulary import Role
from backend.domain.refusal import Refusal
from backend.domain.roles import RANK, at_least, permissions, require
from backend.domain.text import clean, clean_link, clean_optional, limit_bytes

roles = st.sampled_from(sorted(RANK))


def test_the_ladder_of_roles() -> None:
    assert sorted(RANK, key=lambda role: RANK[role]) == ["viewer", "technician", "engineer", "admin", "owner"]


@settings(deadline=None)
@given(roles, roles)
def test_a_higher_role_may_all_that_a_lower_one_may(one: Role, other: Role) -> None:
    if at_least(one, other):
        assert set(permissions(other)) <= set(permissions(one))
        require(one, other)
    else:
        with pytest.raises(Refusal) as refused:
            require(one, other)
        assert (refused.value.code, refused.value.extensions["required_role"]) == ("role_required", other)


def test_only_seniors_claim_and_read_the_figures() -> None:
    for role in RANK:
        senior = role in {"engineer", "admin", "owner"}
        assert ("handoff.claim" in permissions(role)) is senior
        assert ("analytics.read" in permissions(role)) is senior
    assert "handoff.escalate" not in permissions("viewer")


def keepable(text: str) -> bool:
    """Half a surrogate pair comes out of JSON escapes and goes into no database."""
    return text == text.encode(errors="replace").decode()


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=())), st.integers(1, 20))
def test_cleaned_text_keeps_its_bounds_or_is_refused_by_name(text: str, longest: int) -> None:
    stripped = text.strip()
    if 1 <= len(stripped) <= longest and "\x00" not in stripped and keepable(stripped):
        assert clean("field", text, longest=longest) == stripped
        return
    with pytest.raises(Refusal, match="`field`") as refused:
        clean("field", text, longest=longest)
    assert (refused.value.code, refused.value.extensions) == ("invalid_body", {"field": "field"})


def test_white_space_alone_is_nothing() -> None:
    assert clean_optional("note", " \n ", longest=5) is None
    assert clean_optional("note", None, longest=5) is None
    assert clean_optional("note", " a ", longest=5) == "a"


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "file:///etc/passwd", "//host", "data:text/html,x", "search-ms:x"]
)
def test_a_link_that_runs_something_never_reaches_a_page(link: str) -> None:
    with pytest.raises(Refusal):
        clean_link("url", link)
    assert clean_link("url", " HTTPS://psa.example/1 ") == "HTTPS://psa.example/1"


def test_bytes_are_counted_not_characters() -> None:
    assert limit_bytes("content", "é" * 5, most=10)
    with pytest.raises(Refusal) as refused:
        limit_bytes("content", "é" * 5 + "x", most=10)
    assert refused.value.code == "payload_too_large"


@pytest.mark.parametrize(
    "link",
    [
        "http://",
        "https:///path",
        "https://.",
        "https://user@x.example/",
        "https://x.example@evil.example/",
        "https://x.example:99999/",
        "https://x.example:port/",
        "https://x.example:0/",
        "https://x .example/",
        "https://x.example/a b",
        "https://x.example/\x7f",
        "https://x.example/\u202egpj",
        "https://x.example\\\\evil.example",
        "https://[::1",
    ],
)
def test_a_link_that_leads_nowhere_or_elsewhere_than_it_says_is_refused(link: str) -> None:
    with pytest.raises(Refusal) as refused:
        clean_link("external_url", link)
    assert (refused.value.code, refused.value.extensions["field"]) == ("invalid_body", "external_url")


def test_links_that_lead_somewhere_are_kept_as_they_are() -> None:
    for link in ("https://x.example", "HTTPS://X.example:8443/a?b=c#d", "http://[::1]:80/", "http://intranet/münchen"):
        assert clean_link("external_url", link) == link
