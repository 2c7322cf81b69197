// The page of `lungscope serve`: puts its parts together.

import { AboutModel } from "./about_model.js";
import { Aloud } from "./aloud.js";
import { Answer } from "./answer.js";
import { Collection } from "./collection.js";
import { askForToken, closable, opensDialog } from "./dialogs.js";
import { answersName, asCsv, asJson, imageName, save } from "./download.js";
import { byId } from "./element.js";
import { isShownByBrowsers } from "./file_kind.js";
import { Inquiry } from "./inquiry.js";
import { Intake } from "./intake.js";
import { Judgements } from "./judgements.js";
import { Judging } from "./judging.js";
import { listenToKeys, listenToStage } from "./keyboard.js";
import { Listing } from "./listing.js";
import { Notice } from "./notice.js";
import { Progress } from "./progress.js";
import { Queue } from "./queue.js";
import { Service } from "./service.js";
import { spoken, spokenEvidence } from "./spoken.js";
import { Strip } from "./strip.js";
import { tally } from "./tally.js";
import { thumbnail } from "./thumbnail.js";
import { Unsaved } from "./unsaved.js";
import { Viewer } from "./viewer.js";
import { counted } from "./words.js";

const DISCLAIMER = "Research software, not for diagnosis.";

const collection = new Collection();
const unsaved = new Unsaved(collection);
const aloud = new Aloud();
const notice = new Notice((text) => aloud.say(text), toImage);
const service = new Service(async (refused) => {
  const token = await askForToken(refused);
  if (token === null) stop(); // or every waiting image would ask again
  return token;
});
const inquiry = new Inquiry(collection, service);
const queue = new Queue(async (image, signal) => {
  await recognise(image);
  await inquiry.answer(image, signal);
  announceDone(image);
});
new Strip(collection, toImage);
new Progress(collection);
new Listing(collection);
const viewer = new Viewer((image) => collection.change(image, { shown: false }));
const judgements = new Judgements();
const judging = new Judging(judgements, (when) => {
  save(judgements.asCsv(), answersName(when, "csv", "verdicts"), "text/csv");
});
const answer = new Answer(explain, classify, removed, [
  {
    name: "Answers, JSON",
    hint: "Save all answers as JSON",
    save: () => saveAnswers((when) => asJson(collection.images, DISCLAIMER, when), "json", "application/json"),
    needsHeatmap: false,
  },
  {
    name: "Answers, CSV",
    hint: "Save all answers as CSV",
    save: () => saveAnswers(() => asCsv(collection.images), "csv", "text/csv"),
    needsHeatmap: false,
  },
  {
    name: "Image, PNG",
    hint: "Save this image with its heatmap as PNG",
    save: (image) => save(image.heatmap.image, imageName(image)),
    needsHeatmap: true,
  },
  { name: "Print", hint: "Print this answer", save: () => window.print(), needsHeatmap: false },
], judging);

const about = new AboutModel(service, (model) => {
  answer.model = model;
});

function saveAnswers(written, ending, type) {
  const when = new Date();
  save(written(when), answersName(when, ending), type);
  unsaved.saved();
}

function showLeftOut(count, more) {
  const left = more ? `More than ${counted(count, "image")}` : counted(count, "image");
  notice.show(`${left} beyond the first 2,000 ${count === 1 ? "was" : "were"} left out. For whole archives use lungscope predict.`);
}

async function take(found) {
  const images = collection.add(found);
  classify(images);
  for (const image of images) {
    await recognise(image);
    if (!image.shown) continue;
    const small = await thumbnail(image.file);
    if (collection.has(image)) collection.change(image, { thumbnail: small, shown: small !== null });
    else if (small !== null) URL.revokeObjectURL(small);
  }
}

async function recognise(image) {
  if (image.shown !== null) return;
  const shown = await isShownByBrowsers(image.file).catch(() => false); // gone from disk
  collection.change(image, { shown });
}

function classify(images) {
  for (const image of images) collection.change(image, { state: "waiting", problem: null, note: null });
  queue.push(images);
}

/** The button that was pressed is gone, so the focus moves to what is there. */
function removed(image) {
  collection.remove(image);
  toImage();
}

function toImage() {
  (collection.selected === null ? byId("choose") : byId("stage")).focus();
}

/** Shows the evidence for a class, and announces it if the class is still selected then. */
async function explain(image, label) {
  viewer.switchHeatmap(true); // to ask for evidence is to ask for the heatmap
  await inquiry.explain(image, label);
  aloud.afterwards(() => (image === collection.selected && image.explained === label ? spokenEvidence(image) : null));
}

/** Requests again what is missing and may come now. */
function resume() {
  for (const image of collection.images.filter((each) => each.mayBeExplained)) inquiry.allowRetry(image);
  classify(collection.images.filter((image) => image.mayResume));
}

function stop() {
  for (const image of queue.stop()) collection.change(image, { state: "stopped" });
}

function announceDone(image) {
  const { images, selected } = collection;
  if (images.length > 1 && images.every((each) => each.done)) aloud.say(`${tally(images)}.`);
  else if (image === selected && image.state !== "stopped") aloud.say(spoken(image));
  if (image.state === "answered") about.load(); // fails until a token is given
}

let last = null;

/** Another image is selected: what it lacks may come now, and its answer is announced. */
function turn() {
  const [before, image] = [last, collection.selected];
  last = image;
  if (image === null || image === before) return;
  inquiry.allowRetry(image);
  if (before !== null) aloud.afterwards(() => (image === collection.selected ? spoken(image) : null));
}

function look() {
  const image = collection.selected;
  const some = image !== null;
  byId("main").dataset.images = !some ? "none" : collection.images.length > 1 ? "many" : "one";
  document.body.classList.toggle("has-images", some);
  byId("intake").hidden = some;
  byId("image").hidden = byId("answer").hidden = byId("choose-more").hidden = !some;
  if (!some) byId("strip").hidden = true;
  viewer.show(image);
  answer.show(image);
  inquiry.lookAt(image);
}

collection.addEventListener("added", () => {
  if (collection.selected !== null) byId("main").dataset.images = "many";
});
collection.addEventListener("changed", ({ detail }) => {
  if (detail === collection.selected) look();
});
collection.addEventListener("selected", () => {
  turn();
  look();
});
collection.addEventListener("removed", ({ detail }) => {
  queue.drop(detail);
});

const intake = new Intake(take, {
  left: showLeftOut,
  none: () => notice.show("No images were dropped. From a folder come DICOM files and files whose name ends as of PNG, JPEG, TIFF, BMP or WebP."),
});
intake.chosenBy(byId("files"));
intake.pastedOn(document);
intake.droppedOn(document, byId("dropping"));
const choose = () => byId("files").click();
byId("choose").addEventListener("click", choose);
byId("choose-more").addEventListener("click", choose);
byId("stop").addEventListener("click", stop);
byId("again").addEventListener("click", resume);
byId("clear").addEventListener("click", () => unsaved.askBefore(clear));

function clear() {
  stop();
  collection.clear();
  aloud.say("All images are removed.");
  toImage();
}

for (const dialog of document.querySelectorAll("dialog")) closable(dialog);
opensDialog(byId("show-model"), byId("model-dialog"));
opensDialog(byId("show-keys"), byId("keys-dialog"));
listenToStage(viewer.panZoom, () => removed(collection.selected));
listenToKeys(
  [
    { keys: ["j", "n"], shown: "J", does: "Next image", act: () => collection.step(1) },
    { keys: ["k", "p"], shown: "K", does: "Previous image", act: () => collection.step(-1) },
    { keys: ["h"], shown: "H", does: "Heatmap on or off", act: () => viewer.toggleHeatmap() },
    { keys: ["[", "]"], shown: "[ ]", does: "Heatmap weaker, stronger", act: (key) => viewer.changeOpacity(key === "[" ? -10 : 10) },
    { keys: [..."123456789"], shown: "1 … 9", does: "Evidence for a class", act: (key) => explainNumber(Number(key)) },
    { keys: ["a"], shown: "A", does: "Verdict: the answer is right", act: () => judging.judge(collection.selected, "accept") },
    { keys: ["r"], shown: "R", does: "Verdict: the answer is wrong", act: () => judging.judge(collection.selected, "reject") },
    { keys: ["i"], shown: "I", does: "Invert", act: () => viewer.greys.invert() },
    { keys: ["w"], shown: "W", does: "Window and level", act: () => viewer.greys.toggleWindow() },
    { keys: ["+", "="], shown: "+", does: "Zoom in", act: () => viewer.panZoom.closer() },
    { keys: ["-"], shown: "−", does: "Zoom out", act: () => viewer.panZoom.further() },
    { keys: ["0"], shown: "0", does: "Fit the image", act: () => viewer.panZoom.fit() },
    { keys: ["o"], shown: "O", does: "Choose images", act: choose },
    { keys: ["?"], shown: "?", does: "These keys", act: () => byId("keys-dialog").showModal() },
  ],
  [
    { shown: "↑ ↓", does: "In the strip: previous image, next image" },
    { shown: "Delete", does: "In the strip or on the image: remove the image" },
    { shown: "← ↑ ↓ →", does: "On the image: move it" },
    { shown: "Right-drag", does: "On the image: window's width (across) and level (down)" },
  ],
);

function explainNumber(number) {
  const image = collection.selected;
  if (image?.state !== "answered") return;
  const label = Object.keys(image.row.probabilities)[number - 1];
  if (label !== undefined) explain(image, label);
}

await about.load();
