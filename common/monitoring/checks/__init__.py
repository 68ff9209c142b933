"""What a window of messages shows about the model: a pure function for each finding."""
