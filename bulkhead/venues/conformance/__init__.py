"""What every OrderVenue must keep, as checks that a venue's own tests run: see docs/EXTENDING_VENUES.md."""
