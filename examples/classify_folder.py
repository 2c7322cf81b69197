"""Classify a folder with the bundled model, write a CSV table, and draw a heatmap of one image.

    python examples/classify_folder.py [FOLDER] [TABLE.csv]

Without a folder, 12 phantoms are drawn. A base installation is enough for FOLDER.
"""

import csv
import sys
import tempfile
from pathlib import Path

import lungscope as ls


def main(folder: Path, table: Path) -> None:
    """Writes a row for each image: file, class, probabilities, reason for none."""
    classifier = ls.Classifier.bundled()
    images = sorted(path for path in folder.rglob("*") if path.suffix in {".png", ".jpg", ".dcm"})
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "predicted", *classifier.classes, "reason"])
        for path, found in zip(images, classifier.predict_files(images), strict=True):
            readable = isinstance(found, ls.Prediction)
            scores = found.probabilities.values() if readable else [""] * len(classifier.classes)
            writer.writerow([path, found.label if readable else "", *scores, found.reason])
    print("wrote", table)

    prediction = classifier.predict(images[0])
    heatmap = prediction.heatmap()
    row, column = divmod(int(heatmap.evidence.argmax()), heatmap.evidence.shape[1])
    print(f"{images[0].name}: evidence for {prediction.most_probable} is at {row}, {column}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        if sys.argv[1:]:
            main(Path(sys.argv[1]), Path(sys.argv[2] if sys.argv[2:] else "answers.csv"))
        else:
            from lungscope.phantom import write_phantoms

            main(write_phantoms(Path(made, "xrays"), 12), Path(made, "answers.csv"))
