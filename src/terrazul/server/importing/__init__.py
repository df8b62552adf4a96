"""What imports bring that has ids, numbers and times of its own."""
