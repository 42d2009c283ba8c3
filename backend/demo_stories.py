"""What happens in the demo: fictional customers, technicians and troubles."""

from dataclasses import dataclass
from typing import Final, Literal

from backend.contract.vocabulary import Role, StepOutcome

ACCOUNT: Final = "Northbeam IT"
PEOPLE: Final[tuple[tuple[str, Role], ...]] = (
    ("Mina Okafor", "technician"),
    ("Tom Birch", "technician"),
    ("Priya Nair", "technician"),
    ("Dana Reyes", "engineer"),
    ("Lee Park", "engineer"),
    ("Sam Whitlock", "admin"),
    ("Marcus Hale", "owner"),
    ("Ana Costa", "viewer"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One session. `escalation` is (priority, need, reason, impact); times in seconds."""

    junior: str
    customer: str
    ticket: str
    title: str
    problem: str
    chat: tuple[tuple[Literal["user", "assistant"], str], ...]
    facts: tuple[tuple[str, str], ...] = ()
    steps: tuple[tuple[str, StepOutcome], ...] = ()
    fix: tuple[str, str] | None = None
    """What is in progress and blocked, with why."""
    tasks: tuple[str, ...] = ()
    escalation: tuple[str, str, str, str | None] | None = None
    target: str | None = None
    waiting_s: int = 0
    claimer: str | None = None
    claimed_after_s: int = 0
    acted_after_s: int = 0
    first_words: str = ""


STORIES: Final[tuple[Story, ...]] = (
    Story(
        junior="Tom Birch",
        customer="Maple Grove School",
        ticket="20371",
        title="Scanner cannot reach the shared mailbox",
        problem="Scan to mail fails since the mailbox moved.",
        chat=(("user", "The scanner reports a sign-in error since the mailbox was moved last week."),),
        steps=(("Sent a scan to a personal mailbox: arrives", "worked"),),
        escalation=("normal", "Someone who may change mail relay rules.", "I cannot see the relay settings.", None),
        waiting_s=2_760,
        claimer="Lee Park",
        claimed_after_s=66,
        acted_after_s=95,
        first_words="The relay only knows the old address. I am adding the new one now; scan again in two minutes.",
    ),
    Story(
        junior="Tom Birch",
        customer="Maple Grove School",
        ticket="20388",
        title="Intune enrolment stuck on two loan laptops",
        problem="Two loan laptops stay at 'Setting up for work'.",
        chat=(("user", "Both laptops hang at the device setup phase, at 0 of 3 apps."),),
        facts=(("Model", "Latitude 5440, Windows 11 24H2"), ("Since", "This morning's batch")),
        steps=(("Restarted both laptops", "no_change"), ("Removed and added one laptop again", "no_change")),
        escalation=(
            "low",
            "Someone who knows the enrolment status page settings.",
            "I have no rights to see which app blocks the enrolment.",
            "Two pupils share a laptop today.",
        ),
        waiting_s=1_900,
    ),
    Story(
        junior="Mina Okafor",
        customer="Osprey Architects",
        ticket="20397",
        title="Plotter prints blank pages after driver update",
        problem="The plotter feeds paper but prints nothing.",
        chat=(("user", "Test page from the plotter's own menu is fine; from Windows the page is blank."),),
        facts=(("Plotter", "DesignJet T650"), ("Driver", "updated on Friday by Windows Update")),
        steps=(("Printed the internal test page", "worked"), ("Installed the older driver", "blocked")),
        escalation=(
            "normal",
            "The old driver package, or rights to block the update.",
            "Old driver is gone from the print server; need a package to roll back to.",
            "Drawings for a site meeting at 15:00 cannot be plotted.",
        ),
        waiting_s=965,
    ),
    Story(
        junior="Priya Nair",
        customer="Brightwater Accounting",
        ticket="20411",
        title="Outlook asks for a password after MFA reset",
        problem="Outlook loops on the password prompt after the authenticator was reset.",
        chat=(
            ("user", "Web mail works with the new authenticator, Outlook does not."),
            ("assistant", "Web mail working points to a cached token. Try signing the Office apps out first."),
        ),
        facts=(("User", "Finance director"), ("Office", "Microsoft 365 Apps, current channel")),
        steps=(
            ("Signed Office out and in again", "helped"),
            ("Removed the account from Windows and added it again", "no_change"),
        ),
        escalation=(
            "high",
            "Someone who can revoke sign-in sessions in Entra.",
            "The prompt came back after ten minutes and I may not revoke sessions.",
            "The finance director cannot approve today's payment run.",
        ),
        waiting_s=570,
    ),
    Story(
        junior="Mina Okafor",
        customer="Harlow Dental Group",
        ticket="20418",
        title="VPN to Leeds clinic drops every hour",
        problem="The site-to-site VPN to the Leeds clinic drops for one to two minutes each hour.",
        chat=(
            ("user", "The clinic loses the practice system about once an hour since Wednesday."),
            (
                "assistant",
                "Once an hour points to a timer rather than the line. Compare the times of the last drops first.",
            ),
            ("user", "Six drops, each 60 minutes apart. The log says: no proposal chosen."),
            (
                "assistant",
                "That points to key renewal, not the line. Next: compare the phase 2 lifetime at head office.",
            ),
            ("user", "I do not have a login for the head office firewall."),
        ),
        facts=(
            ("Clinic firewall", "FortiGate 60F, 7.2.8"),
            ("Head office firewall", "FortiGate 100F, version unknown"),
            ("Drops today", "7, each 60 min apart, last at 10:41"),
            ("Log at each drop", "no proposal chosen"),
            ("Phase 2 lifetime, clinic", "3600 s"),
            ("Began", "18 Nov, after the head office change window"),
        ),
        steps=(
            ("Restarted the tunnel from the clinic side", "helped"),
            ("Checked the clinic line: 500 pings, no loss", "no_change"),
            ("Updated the clinic firewall to 7.2.8", "no_change"),
            ("Compare phase 2 settings at head office: no access", "blocked"),
        ),
        fix=("Align phase 2 lifetime on both ends", "Waiting for head office firewall access."),
        tasks=("Call the clinic when it is fixed", "Note the new lifetime in the documentation"),
        escalation=(
            "high",
            "Someone with head office firewall access to compare the phase 2 settings on both ends.",
            "I cannot see the head office firewall, and the drops line up with the key renewal.",
            "22 staff at the Leeds clinic lose the practice system for 1 to 2 minutes an hour. Check-in stops.",
        ),
        target="Dana Reyes",
        waiting_s=252,
    ),
    Story(
        junior="Tom Birch",
        customer="Kestrel Logistics",
        ticket="20431",
        title="Domain controller down, 60 users locked out",
        problem="Nobody at the depot can sign in since the host rebooted.",
        chat=(("user", "Replication stopped after the host rebooted. The console stays black."),),
        facts=(("Host", "KL-HV2, rebooted 10:31"), ("Second DC", "answers DNS, refuses sign-in")),
        steps=(("Restarted the virtual machine", "no_change"), ("Opened the host's console", "blocked")),
        escalation=(
            "urgent",
            "Console access to the host, and someone who has seized roles before.",
            "Replication stopped after the host rebooted; I cannot get a console.",
            "60 people at the depot cannot sign in; lorries are not being loaded.",
        ),
        waiting_s=108,
    ),
    Story(
        junior="Mina Okafor",
        customer="Brightwater Accounting",
        ticket="20433",
        title="Shared calendar missing for new starter",
        problem="The team calendar does not appear for the new colleague.",
        chat=(("user", "She is in the group since this morning, the calendar still does not show."),),
        facts=(("Group", "Brightwater Tax"),),
        steps=(("Added the calendar by hand in web mail", "worked"), ("Restarted Outlook", "no_change")),
        waiting_s=1_020,
    ),
    Story(
        junior="Mina Okafor",
        customer="Kestrel Logistics",
        ticket="20425",
        title="Label printer offline at goods-in",
        problem="The label printer at goods-in shows offline in the warehouse system.",
        chat=(("user", "It answers pings and prints its own test label."),),
        facts=(("Printer", "Zebra ZD421, 10.20.4.31"),),
        steps=(("Pinged the printer", "worked"), ("Restarted the print service", "no_change")),
        waiting_s=3_240,
    ),
)
