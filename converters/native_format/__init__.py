"""The writer of the native model file; docs/formats.md describes its bytes."""
