"""A DICOM node beside the PACS: receives radiographs, sends reports and drawn explanations back."""
