"""What knows no project: errors, files, hashing, git, what people see."""
