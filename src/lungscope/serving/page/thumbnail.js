// Thumbnails for the strip: one at a time, because a decoded radiograph is large.

const SIDE = 128;
let turn = Promise.resolve();

/**
 * @param {Blob} image that browsers show
 * @returns {Promise<string|null>} address of a JPEG, to be revoked; null where it cannot be decoded
 */
export function thumbnail(image) {
  const made = turn.then(() => drawn(image)).catch(() => null);
  turn = made;
  return made;
}

async function drawn(image) {
  const bitmap = await createImageBitmap(image);
  try {
    const factor = SIDE / Math.max(bitmap.width, bitmap.height);
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(bitmap.width * factor));
    canvas.height = Math.max(1, Math.round(bitmap.height * factor));
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    const small = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.85));
    return URL.createObjectURL(small);
  } finally {
    bitmap.close();
  }
}
