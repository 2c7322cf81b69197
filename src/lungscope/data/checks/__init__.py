"""What `check_data` looks for, a module for each subject; each makes issues of what it finds."""
