"""What generate.py is made of: the model read from the descriptors, and one module an output."""
