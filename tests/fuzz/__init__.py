"""Fuzzing of the review, the sanitiser and the redaction."""
