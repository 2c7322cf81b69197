"""The command `lungscope`: one small module a group of commands, no logic."""
