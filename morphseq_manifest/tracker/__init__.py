"""Any DVC project: what is recorded, what is on disk, what is out of date, and bringing it up to date."""
