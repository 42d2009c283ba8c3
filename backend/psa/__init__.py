"""The shop's PSA (ConnectWise Manage, HaloPSA, Autotask): notes of what happens to a hand-off, the ticket behind it."""
