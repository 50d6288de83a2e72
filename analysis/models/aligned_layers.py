"""Which layers of a student and its teacher are compared."""


def aligned_layers(depth: int, layers: int, interval: int) -> tuple[int, ...]:
    """Numbers, ascending, of `layers` layers of `depth`: the last, the one `interval` before, ...

    Raises ValueError when there are not that many.
    """
    numbers = tuple(depth - 1 - interval * i for i in range(layers))[::-1]
    if min(layers, interval) < 1 or numbers[0] < 0:
        raise ValueError(
            f"{layers} layers, {interval} apart, were asked for of {depth}; choose at least one "
            f"and no more than there are"
        )
    return numbers
