"""What goes wrong in the retrieval room."""


class RetrievalError(Exception):
    """Texts, lists or vocabularies that cannot be used; the message is one sentence."""
