"""Published sets of chest radiographs, in the folders and tables of their authors."""
