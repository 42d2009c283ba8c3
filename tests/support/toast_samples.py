"""Sample toasts: every variant of the app's own toast window, of the same shop and morning as the other samples."""

from dataclasses import replace

from desktop.core import toasts as core_toasts
from desktop.core.views import ToastView
from tests.support.desktop_samples import LONG_CUSTOMER, LONG_TITLE, NOW


def toasts() -> tuple[tuple[str, ToastView], ...]:
    """Every variant of the fallback toast, by name."""
    title = "VPN to Leeds clinic drops every hour"
    claim: tuple[tuple[str, str], ...] = (("claim", "Claim"), ("view", "View"))
    base = ToastView(
        id="h2",
        variant="new",
        title=title,
        body="I cannot see the head office firewall, and the drops line up with the key renewal.",
        priority="high",
        customer="Harlow Dental Group",
        from_name="Mina Okafor",
        buttons=claim,  # type: ignore[arg-type]  # a literal pair
        for_you=True,
    )
    plain = replace(base, for_you=False)
    return (
        ("new", base),
        (
            "urgent",
            replace(
                plain,
                id="h1",
                title="Domain controller down, 60 users locked out",
                body="Replication stopped after the host rebooted; I cannot get a console.",
                priority="urgent",
                customer="Kestrel Logistics",
                urgent=True,
                stays_s=None,
                note="Repeats every 60 s",
            ),
        ),
        ("long", replace(plain, id="h9", title=LONG_TITLE, customer=LONG_CUSTOMER, body=LONG_TITLE * 2)),
        (
            "claimed",
            replace(
                plain,
                variant="claimed",
                body="Opening the session in your browser. Mina has been told.",
                buttons=(),
                at=NOW,
                stays_s=4,
            ),
        ),
        (
            "lost",
            replace(
                plain,
                variant="lost",
                body="Already claimed by Lee Park 4 s ago.",
                buttons=(("view", "View hand-off"), ("dismiss", "Dismiss")),
                stays_s=10,
            ),
        ),
        (
            "offline",
            replace(
                plain,
                variant="offline",
                body="Not claimed: you are offline. It was still waiting at 10:46:02.",
                buttons=(("retry", "Try again"), ("view", "View")),
                stays_s=None,
            ),
        ),
        (
            "unknown",
            replace(
                plain,
                variant="unknown",
                body="No answer yet. Checking whether your claim went through.",
                buttons=(),
                stays_s=None,
            ),
        ),
        (
            "digest",
            ToastView(
                id="digest",
                variant="digest",
                title="4 waiting, 1 urgent",
                body="While you were away: Kestrel Logistics, Harlow Dental Group, Brightwater Accounting, "
                "Osprey Architects.",
                customer="Longest 16:05 · Osprey Architects",
                buttons=(("open_queue", "Open queue"), ("dismiss", "Dismiss")),
            ),
        ),
        (
            "reminder",
            replace(
                plain,
                variant="reminder",
                title="Still waiting: Outlook asks for a password",
                body="Unclaimed for 9 min. Priya Nair is waiting in the session.",
                customer="Brightwater Accounting",
                note="Step 2 of policy",
            ),
        ),
        (
            "reminder-urgent",
            replace(
                plain,
                id="h1",
                variant="reminder",
                title="Still waiting: Domain controller down, 60 users locked out",
                body="Unclaimed for 1 h 04 min. Mina Okafor is waiting in the session.",
                priority="urgent",
                customer="Kestrel Logistics",
                urgent=True,
                stays_s=None,
            ),
        ),
        (
            "nudge",
            replace(
                plain,
                variant="nudge",
                title=f"Still waiting for your first step: {title}",
                body="Mina Okafor is waiting in the session. It goes back to the queue at 11:12.",
                buttons=(("open_session", "View"),),
            ),
        ),
        (
            "handed-back",
            replace(
                plain,
                variant="handed_back",
                title=f"Waiting again: {title}",
                body="Handed back: “No first action in 30 min”",
            ),
        ),
        ("test", core_toasts.trial()),
        ("fell", core_toasts.fell(NOW, "Segmentation fault")),
    )
