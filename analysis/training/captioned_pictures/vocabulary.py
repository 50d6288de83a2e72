"""Words to the numbers a text tower reads."""

from collections.abc import Sequence

import numpy as np


class Vocabulary:
    """A number for a word: 0 fills up, then the words, and the largest ends a text.

    `length` is that of the rows of numbers, the end included.
    """

    def __init__(self, words: Sequence[str], length: int):
        self._numbers = {word: number for number, word in enumerate(words, start=1)}
        self._end, self._length = len(words) + 1, length

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return self._end + 1

    def encode(self, sentences: Sequence[str]) -> np.ndarray:
        """Token numbers int64 (sentences, length).

        Raises ValueError, one sentence, for a word that is not known or a sentence that is too
        long.
        """
        numbers = np.zeros((len(sentences), self._length), np.int64)
        for row, sentence in zip(numbers, sentences, strict=True):
            words = sentence.lower().split()
            if len(words) >= self._length:
                raise ValueError(
                    f"{sentence!r} has {len(words)} words; use at most {self._length - 1}"
                )
            for place, word in enumerate(words):
                if word not in self._numbers:
                    known = ", ".join(self._numbers)
                    raise ValueError(f"the word {word!r} is not known; use some of {known}")
                row[place] = self._numbers[word]
            row[len(words)] = self._end
        return numbers
