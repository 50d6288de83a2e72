"""What goes wrong in the retrieval room."""


class RetrievalError(Exception):
    """Texts, lists, vocabularies or indexes that cannot be used; the message is one sentence."""
