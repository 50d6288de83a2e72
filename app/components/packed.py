"""Values of drawn components as one string."""

import json


def packed(value: object) -> str:
    """`value` as JSON, for `scanscope.unpacker` in the browser.

    Gradio's page watches objects number by number and copies them at every event that may change
    them; a string costs it nothing.
    """
    return json.dumps(value, separators=(",", ":"))
