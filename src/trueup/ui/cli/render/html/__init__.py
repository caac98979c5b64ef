"""Pages for people: one file each, without scripts and without anything from outside, readable in the light and in the dark."""
