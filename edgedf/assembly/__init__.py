"""Assembly: from a ticket to a bundle, through compaction, the converters and the gate."""
