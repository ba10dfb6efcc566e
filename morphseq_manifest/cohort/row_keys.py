"""The key columns: by what a row of a table is known."""

# The columns with which a cohort table begins; a row is known by its snip_id.
KEY = ("experiment_date", "well", "embryo_id", "snip_id")
# What a row of the plate table is of: one frame.
FRAME_KEY = ("well", "time_int")
# What a table of latents has before them.
LATENTS_KEY = ("experiment_date", "embryo_id", "snip_id")
