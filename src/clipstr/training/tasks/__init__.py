"""What is trained, and how it is judged: recognition with or without a teacher, and a teacher itself."""
