"""The self-audit's last state as Prometheus gauges."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from backend.selfaudit.monitor import Monitor
from backend.selfaudit.state import AuditState, CanaryState

_PLAIN = (
    ("flowpilot_due_jobs_overdue", "jobs_overdue", "Pieces of work due for over 60 s that no worker holds."),
    ("flowpilot_oldest_due_job_seconds", "oldest_due_job_s", "How long the oldest untouched work has been due."),
    ("flowpilot_jobs_stuck", "jobs_stuck", "Pieces of work that fail or are cut off again and again."),
    (
        "flowpilot_handoffs_without_next_step",
        "handoffs_without_next_step",
        "Open hand-offs that nothing would have looked at again; found and mended by the last run.",
    ),
    ("flowpilot_sends_stuck", "sends_stuck", "E-mails and webhook notices that are being sent for over 2 min."),
    (
        "flowpilot_recipients_not_told",
        "recipients_not_told",
        "People whom a waiting hand-off has not reached within 30 s, neither on a screen nor by accepted e-mail.",
    ),
    ("flowpilot_addresses_refused", "addresses_refused", "E-mail addresses that the mail server refused for good."),
    ("flowpilot_webhooks_paused", "webhooks_paused", "Webhooks that the server has paused after failures."),
    ("flowpilot_audit_seconds", "took_s", "How long the last run of the self-audit took."),
)


class AuditGauges(Collector):
    """Made from memory; ages go on growing when nothing can be read."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges. Where the self-audit has never run, its age is the time that this process has been up."""
        state = self._monitor.state
        more = state.since_read_s if state else 0.0
        audit = state.audit if state else None
        age = audit.age_s + more if audit else self._monitor.up_s
        yield GaugeMetricFamily("flowpilot_audit_age_seconds", "Seconds since the self-audit last ran.", age)
        if state is not None:
            what = "How far this machine's clock is ahead of the database's."
            yield GaugeMetricFamily("flowpilot_clock_offset_seconds", what, state.clock_s)
        if audit is not None:
            yield from _of_audit(audit)
        if state is not None and state.canary is not None:
            yield from _of_canary(state.canary, more)


def _of_audit(audit: AuditState) -> Iterator[GaugeMetricFamily]:
    for name, figure, what in _PLAIN:
        yield GaugeMetricFamily(name, what, audit.figures[figure])
    what = "Deliveries of waiting hand-offs whose last try failed, in the round at hand."
    failed = GaugeMetricFamily("flowpilot_deliveries_failed", what, labels=["channel"])
    for channel, count in audit.figures["deliveries_failed"].items():
        failed.add_metric([channel], count)
    yield failed


def _of_canary(canary: CanaryState, more: float) -> Iterator[GaugeMetricFamily]:
    what = "Seconds since the last canary escalation that came to an end."
    yield GaugeMetricFamily("flowpilot_canary_age_seconds", what, canary.age_s + more)
    yield GaugeMetricFamily("flowpilot_canary_ok", "1 when the last canary escalation went through.", int(canary.ok))
    what = "How long the last canary took, by stage; `event` is from the escalation to the senior's alert."
    seconds = GaugeMetricFamily("flowpilot_canary_seconds", what, labels=["stage"])
    for stage, took in canary.seconds.items():
        seconds.add_metric([stage], took)
    yield seconds
