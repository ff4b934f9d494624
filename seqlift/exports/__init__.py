"""Score files in the forms that other programs take; knows score files, nothing of models."""
