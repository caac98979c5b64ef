"""What is in the hostile examples; see ``generate.py`` one folder up."""
