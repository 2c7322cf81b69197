// The page of `lungscope serve`: puts its parts together.

import { Answer, spoken, summary } from "./answer.js";
import { Collection } from "./collection.js";
import { askForToken, closable, opensDialog, showModel, showModelWaits, showNoModel } from "./dialogs.js";
import { asCsv, asJson, pictureName, save } from "./download.js";
import { byId } from "./element.js";
import { isShownByBrowsers } from "./file_kind.js";
import { Inquiry } from "./inquiry.js";
import { Intake } from "./intake.js";
import { listenToKeys, listenToStage } from "./keyboard.js";
import { Queue } from "./queue.js";
import { Service } from "./service.js";
import { Strip } from "./strip.js";
import { thumbnail } from "./thumbnail.js";
import { Viewer } from "./viewer.js";
import { counted } from "./words.js";

const DISCLAIMER = "Research software, not for diagnosis.";

const collection = new Collection();
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
new Strip(collection);
const viewer = new Viewer((image) => collection.change(image, { shown: false }));
const answer = new Answer((image, label) => inquiry.explain(image, label), classify, removed, [
  {
    name: "Answers, JSON",
    hint: "Save all answers as JSON",
    save: () => save(asJson(collection.images, DISCLAIMER), "lungscope.json", "application/json"),
    needsHeatmap: false,
  },
  {
    name: "Answers, CSV",
    hint: "Save all answers as CSV",
    save: () => save(asCsv(collection.images), "lungscope.csv", "text/csv"),
    needsHeatmap: false,
  },
  {
    name: "Picture, PNG",
    hint: "Save this image with its heatmap as PNG",
    save: (image) => save(image.heatmap.picture, pictureName(image)),
    needsHeatmap: true,
  },
  { name: "Print", hint: "Print this answer", save: () => window.print(), needsHeatmap: false },
]);

function say(text) {
  byId("announcements").textContent = text;
}

async function take(files, left) {
  const images = collection.add(files);
  if (left > 0) {
    say(`${counted(left, "image")} beyond the first ${images.length} were left out. For whole archives there is the command lungscope predict.`);
  }
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

/** The focus goes on to what is there instead of the button that was pressed. */
function removed(image) {
  collection.remove(image);
  (collection.selected === null ? byId("choose") : byId("stage")).focus();
}

function stop() {
  for (const image of queue.stop()) collection.change(image, { state: "stopped" });
}

function announceDone(image) {
  const { images, selected } = collection;
  if (images.length > 1 && images.every((each) => each.done)) say(summary(images));
  else if (image === selected && image.state !== "stopped") say(spoken(image));
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
collection.addEventListener("selected", () => look());
collection.addEventListener("removed", ({ detail }) => {
  queue.drop(detail);
});

const intake = new Intake(take);
intake.chosenBy(byId("files"));
intake.pastedOn(document);
intake.droppedOn(document, byId("dropping"));
const choose = () => byId("files").click();
byId("choose").addEventListener("click", choose);
byId("choose-more").addEventListener("click", choose);
byId("stop").addEventListener("click", stop);
byId("again").addEventListener("click", () => classify(collection.images.filter((image) => image.mayGoOn)));
byId("clear").addEventListener("click", () => {
  stop();
  collection.clear();
  say("All images are removed.");
  byId("choose").focus();
});

for (const dialog of document.querySelectorAll("dialog")) closable(dialog);
opensDialog(byId("show-model"), byId("model-dialog"));
opensDialog(byId("show-keys"), byId("keys-dialog"));
listenToStage(viewer.panZoom);
listenToKeys(
  [
    { keys: ["j", "n"], shown: "J", does: "Next image", act: () => collection.step(1) },
    { keys: ["k", "p"], shown: "K", does: "Image before", act: () => collection.step(-1) },
    { keys: ["h"], shown: "H", does: "Heatmap on or off", act: () => viewer.switchHeat() },
    { keys: ["[", "]"], shown: "[ ]", does: "Heatmap weaker, stronger", act: (key) => viewer.changeOpacity(key === "[" ? -10 : 10) },
    { keys: [..."123456789"], shown: "1 … 9", does: "Evidence for a class", act: (key) => explainNumber(Number(key)) },
    { keys: ["i"], shown: "I", does: "Invert", act: () => viewer.greys.invert() },
    { keys: ["w"], shown: "W", does: "Window and level", act: () => viewer.greys.switchWindow() },
    { keys: ["+", "="], shown: "+", does: "Zoom in", act: () => viewer.panZoom.closer() },
    { keys: ["-"], shown: "−", does: "Zoom out", act: () => viewer.panZoom.further() },
    { keys: ["0"], shown: "0", does: "Fit the image", act: () => viewer.panZoom.fit() },
    { keys: ["o"], shown: "O", does: "Choose images", act: choose },
    { keys: ["?"], shown: "?", does: "These keys", act: () => byId("keys-dialog").showModal() },
  ],
  [
    { shown: "↑ ↓", does: "In the strip: image before, next image" },
    { shown: "Delete", does: "In the strip: remove the image" },
    { shown: "← ↑ ↓ →", does: "On the image: move it" },
    { shown: "Right-drag", does: "On the image: window's width (across) and level (down)" },
  ],
);

function explainNumber(number) {
  const image = collection.selected;
  if (image?.state !== "answered") return;
  const label = Object.keys(image.row.probabilities)[number - 1];
  if (label !== undefined) inquiry.explain(image, label);
}

try {
  const model = await service.model(showModelWaits);
  showModel(model);
  answer.model = model;
} catch (problem) {
  showNoModel(problem);
}
