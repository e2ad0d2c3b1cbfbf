"""Programs that measure and prove; none of them is part of the package."""
