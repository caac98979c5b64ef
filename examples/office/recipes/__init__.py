"""What the example office contains; see ``generate.py`` one folder up."""
