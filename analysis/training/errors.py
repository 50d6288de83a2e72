"""What stops a run."""


class TrainingError(Exception):
    """A run that cannot start or go on; the message is one sentence on why and what to do."""


class RecipeError(TrainingError, ValueError):
    """A recipe that cannot be run."""


def require(holds: bool, name: str, value: object, expected: str) -> None:
    """Raises RecipeError, one sentence, unless `holds`."""
    if not holds:
        raise RecipeError(f"{name} is {value}; it has to be {expected}.")
