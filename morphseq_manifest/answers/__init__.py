"""What people ask of a project; in each room the report first, then its view."""
