"""What `make bench` is made of; bench.py beside this folder puts it together."""
