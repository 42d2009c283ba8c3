"""The test ids that the design names, page by page: other programs and people's scripts rely on them."""

SIGN_IN = ("signin-email", "signin-password", "signin-submit", "signin-forgot")
SHELL = (
    "skip-link",
    "nav-sessions",
    "nav-escalations",
    "nav-analytics",
    "nav-admin",
    "nav-escalations-count",
    "account-menu",
    "theme-select",
    "sign-out",
    "live-status",
    "toast",
    "toast-close",
    "retry",
)
SESSIONS = (
    "session-list",
    "session-row",
    "session-search",
    "session-filter-mine",
    "session-filter-all",
    "session-filter-resolved",
    "session-new",
    "session-new-dialog",
    "session-new-title",
    "session-new-customer",
    "session-new-ticket",
    "session-new-description",
    "session-new-submit",
)
QUEUE = (
    "queue-count",
    "queue-search",
    "queue-filter-priority",
    "queue-filter-mine",
    "escalation-list",
    "escalation-row",
    "escalation-card",
    "escalation-priority",
    "escalation-wait",
    "escalation-for-you",
    "pick-up",
    "pick-up-primary",
    "view-session",
    "escalation-context",
    "context-overlay",
    "context-overlay-close",
    "context-need",
    "context-assessment",
    "context-steps",
    "context-facts",
    "context-excerpt",
    "context-timeline",
    "claimed-list",
    "get-desktop-app",
)
POLICY = (
    "policy-steps",
    "policy-step",
    "policy-step-2-urgent",
    "policy-step-3-low",
    "policy-add-step",
    "policy-step-who",
    "policy-working-hours",
    "policy-dnd-urgent",
    "policy-target-exclusive",
    "policy-preview",
    "policy-dirty",
    "policy-discard",
    "policy-save",
)
PEOPLE = ("people-list", "person-row", "person-invite")
PERSON = ("person-role", "person-deactivate")
EMAIL = ("email-host", "email-from", "email-content", "email-test", "email-save")
AUDIT = ("audit-list", "audit-row", "audit-filter", "audit-export")
ADMIN_TABS = (
    "admin-nav-people-and-roles",
    "admin-nav-escalation-policy",
    "admin-nav-e-mail",
    "admin-nav-devices",
    "admin-nav-installers",
    "admin-nav-audit-log",
)
