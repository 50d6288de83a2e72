"""How far an attribution can be trusted: removal, localisation, sanity checks, agreement."""
