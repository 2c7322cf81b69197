"""What an accuracy is made of: shortcuts, leaks, mistakes, and how soon a model breaks."""
