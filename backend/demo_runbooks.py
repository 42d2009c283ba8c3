"""The demo account's runbooks, as its people might have written them."""

from typing import Final

from backend.contract.runbooks import NewRunbook

RUNBOOKS: Final = (
    NewRunbook(
        title="Site-to-site VPN drops at regular intervals",
        tags=["vpn", "firewall", "ipsec", "tunnel"],
        body="""Drops at fixed intervals are nearly always a key renewal that fails.

1. Note the time of the last five drops and the minutes between them
2. Ping both public addresses for ten minutes to rule the lines out
3. Read the tunnel log on both firewalls for "no proposal chosen" or "peer not responding"
4. Compare phase 1 and phase 2 lifetimes and proposals on **both** ends
5. Set both ends to the same lifetime outside working hours and renew the tunnel

Escalate when you have no sign-in for one of the firewalls.
""",
    ),
    NewRunbook(
        title="User cannot sign in to Microsoft 365",
        tags=["m365", "entra", "sign-in", "mfa"],
        body="""1. Read the error code in the sign-in log of Entra ID
2. Check that the account is enabled and has a licence
3. Check for a conditional access policy that blocked the sign-in
4. Ask the user to sign in in a private browser window
5. Require the MFA methods to be registered again

Never ask for the password. Use a one-view link when one must be passed on.
""",
    ),
    NewRunbook(
        title="Printer on the network does not print",
        tags=["printer", "spooler"],
        body="""1. Print the configuration page at the printer itself
2. Ping the printer by the address on that page
3. Restart the print spooler on the print server
4. Remove stuck jobs from the queue
5. Add the printer anew by its address
""",
    ),
    NewRunbook(
        title="Server is out of disk space",
        tags=["server", "disk", "storage", "backup"],
        body="""1. Find the volume and how much is free
2. Look for logs and dumps that grew in the last 24 hours
3. Empty the update download folder
4. Check that the backup truncates its logs
5. Extend the volume when the storage has room
""",
    ),
)
