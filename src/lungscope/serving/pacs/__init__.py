"""A DICOM node beside the PACS: radiographs come in, reports and pictures go back."""
