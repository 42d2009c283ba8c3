"""Newer versions: who is told of them, and who takes them by themselves.

    watch     in the tray: asks now and then, installs between two claims
    helper    a process of its own: the network, the signatures, the unpacking; ends after one question
    mirror    what a mirror says, believed as far as the pinned root vouches for it (TUF)
    release   which release is offered here: channel, bound, staged roll-out
    staging   unpacking beside the program, trying it, changing places, going back
    state     what this installation remembers

An installation that a package manager or a device management has made is never changed from here: it is told.
"""
