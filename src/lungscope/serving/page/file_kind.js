// Whether a browser shows a file as it is, by its first bytes; a name proves nothing.

const SIGNATURES = [
  [0xff, 0xd8, 0xff], // JPEG
  [0x42, 0x4d], // BMP
];
const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const PNG_BIT_DEPTH = 24;
const LARGEST = 64 * 2 ** 20;

/**
 * DICOM and TIFF are not shown by browsers, and of 16-bit PNG files they show the upper 8 bits,
 * which may all be 0: of these the service draws a preview.
 * @param {File} file
 * @returns {Promise<boolean>}
 */
export async function isShownByBrowsers(file) {
  if (file.size > LARGEST) return false;
  const head = new Uint8Array(await file.slice(0, 32).arrayBuffer());
  const begins = (bytes, at = 0) => bytes.every((byte, index) => head[at + index] === byte);
  if (begins(PNG)) return head[PNG_BIT_DEPTH] <= 8;
  const webp = begins([0x52, 0x49, 0x46, 0x46]) && begins([0x57, 0x45, 0x42, 0x50], 8);
  return webp || SIGNATURES.some((bytes) => begins(bytes));
}
