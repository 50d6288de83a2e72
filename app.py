"""Open the door: `python app.py` serves ScanScope and prints its address."""

import argparse
import gc
import socket
import sys
import time
from dataclasses import replace

from app.settings import Settings, SettingsError, read_settings


def parse_arguments(settings: Settings) -> Settings:
    """Settings from the environment, with what the command line changes."""
    parser = argparse.ArgumentParser(prog="app.py", description="Serve the ScanScope page.")
    parser.add_argument("--host", default=settings.host, help="address to listen on")
    parser.add_argument("--port", type=int, default=settings.port, help="port to listen on")
    given = parser.parse_args()
    return replace(settings, host=given.host, port=given.port)


def check_address(settings: Settings) -> None:
    """Raises SettingsError when nothing can listen at the address, before anything is loaded."""
    try:
        with socket.create_server((settings.host, settings.port)):
            pass
    except (OSError, OverflowError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).split(" (")[0]
        raise SettingsError(
            f"ScanScope can't listen on {settings.host} port {settings.port} ({reason}); "
            "choose another with --port or --host."
        ) from error


def main() -> None:
    began = time.perf_counter()
    try:
        settings = parse_arguments(read_settings())
        check_address(settings)
    except SettingsError as error:
        sys.exit(str(error))
    gc.disable()  # `serve` enables it: to look through what a start makes, again and again, is slow
    from app.gradio_import import import_gradio

    import_gradio()
    from app.serve import serve

    serve(settings, began)


if __name__ == "__main__":
    main()
