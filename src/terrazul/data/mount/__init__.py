"""A folder in which the files of datasets are found, and brought when they are opened: by FUSE, where there is one."""
