"""Many labelled radiographs: index, checks, group-safe splits, decoded cache, augmentation."""
