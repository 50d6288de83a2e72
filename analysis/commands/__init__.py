"""The command line: `python -m analysis COMMAND`, one file a command."""
