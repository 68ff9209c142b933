"""The model: text to probabilities. Imports nothing else of ours, and is stored with the model.

An artifact carries this package's code inside it, so that a stored model keeps the code it was
fitted with, also when it is loaded where this project isn't.
"""
