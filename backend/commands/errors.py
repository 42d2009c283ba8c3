"""How a command says no."""


class CommandError(Exception):
    """The command was understood and cannot be carried out; the text is one plain sentence with the mend."""
