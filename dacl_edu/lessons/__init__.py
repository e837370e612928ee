"""The machinery of the lessons: pairs of text and notebook, gates, the ledger, runs with parameters."""
