"""A DICOM file becomes pixels and what is known of how they were made; limits before work."""
