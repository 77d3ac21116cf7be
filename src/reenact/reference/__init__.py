"""What is generated from the parser and the declarations: completion, manual page, reference."""
