"""The kinds of datastores, one file each. None imports the library that it needs before a datastore of it is opened."""
