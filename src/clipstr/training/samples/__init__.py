"""Which samples come when, and from where: mixture, crops, and the stream that workers prepare."""
