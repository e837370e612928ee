"""What an author writes, and what is made of it: assignments, students' versions, other formats."""
