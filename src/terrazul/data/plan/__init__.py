"""What is done with the data of a dataset: steps as plain data that can be kept, sent and carried out anywhere."""
