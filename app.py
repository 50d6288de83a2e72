"""Open the door: `python app.py` serves ScanScope and prints its address."""

import argparse
import sys
from dataclasses import replace

from app.settings import Settings, SettingsError, read_settings


def parse_arguments(settings: Settings) -> Settings:
    """Settings from the environment, with what the command line changes."""
    parser = argparse.ArgumentParser(prog="app.py", description="Serve the ScanScope page.")
    parser.add_argument("--host", default=settings.host, help="address to listen on")
    parser.add_argument("--port", type=int, default=settings.port, help="port to listen on")
    given = parser.parse_args()
    return replace(settings, host=given.host, port=given.port)


def main() -> None:
    try:
        settings = parse_arguments(read_settings())
    except SettingsError as error:
        sys.exit(str(error))
    from app.serve import serve

    serve(settings)


if __name__ == "__main__":
    main()
