// The page: pictures come in, are read a few at a time, and their texts go out.

import { Card } from "./card.js";
import { Failure, document_, keepToken, read } from "./service.js";

const AT_ONCE = 4; // pictures on their way; the service reads them in one batch

const byId = (id) => document.getElementById(id);
const pictures = byId("pictures");
const atMost = Number(document.body.dataset.items); // pictures in one document

let cards = [];
let waiting = [];
let running = 0;
let done = 0;
let stopping = new AbortController();

function what() {
  return document.querySelector("input[name=what]:checked").value;
}

function options() {
  return {
    allow: byId("allow").value.trim(),
    lexicon: byId("lexicon").value.trim(),
    second_looks: String(byId("looks").checked),
    model: byId("model")?.value,
  };
}

function say(message) {
  byId("status").textContent = message;
}

function refresh() {
  byId("work").hidden = cards.length === 0;
  const busy = running > 0 || waiting.length > 0;
  byId("stop").hidden = byId("progress").hidden = !busy;
  byId("progress").max = cards.length;
  byId("progress").value = done;
  const some = cards.some((card) => card.result);
  for (const button of document.querySelectorAll(".results button:not(#clear)")) button.disabled = !some;
}

function count(number, one, many) {
  return `${number} ${number === 1 ? one : many}`;
}

function told(text) {
  const found = text.split(/\s+/).filter(Boolean);
  if (!found.length) return "No words were found";
  return found.length > 6 ? `${found.length} words read` : `Read: ${found.join(" ")}`;
}

function tellProgress() {
  const failed = cards.filter((card) => card.failed).length;
  const troubles = failed ? `, ${failed} could not be read` : "";
  if (running || waiting.length) say(`${done} of ${cards.length} read${troubles}`);
  else if (cards.length === 1 && !failed) say(told(cards[0].text));
  else say(`${count(cards.length, "picture", "pictures")} done${troubles}`);
}

/** Takes in `files` and begins to read them. */
function take(files) {
  const options_ = options();
  for (const file of files) {
    const card = new Card(file, what());
    cards.push(card);
    waiting.push([card, options_]);
    pictures.append(card.root);
  }
  while (running < AT_ONCE && waiting.length) next();
  refresh();
  tellProgress();
}

async function next() {
  const [card, options_] = waiting.shift();
  const { signal } = stopping;
  running += 1;
  try {
    card.show(await read(card.what, card.file, options_, signal));
  } catch (error) {
    if (!cards.includes(card)) return;
    card.fail(signal.aborted ? "stopped" : error instanceof Failure ? error.message : String(error));
    if (error.type === "no_token") byId("key").hidden = false;
  } finally {
    running -= 1;
    if (cards.includes(card)) done += 1;
    if (waiting.length) next();
    refresh();
    tellProgress();
  }
}

function stop() {
  stopping.abort();
  stopping = new AbortController();
  for (const [card] of waiting.splice(0)) {
    card.fail("stopped");
    done += 1;
  }
  refresh();
  tellProgress();
}

function clear() {
  waiting = [];
  stopping.abort();
  stopping = new AbortController();
  for (const card of cards.splice(0)) card.remove();
  done = 0;
  say("");
  refresh();
  byId("files").focus();
}

function allText() {
  const read_ = cards.filter((card) => card.result);
  if (read_.length === 1) return `${read_[0].text}\n`;
  if (what() === "read") return read_.map((card) => `${card.file.name}\t${card.text}\n`).join("");
  return read_.map((card) => `==> ${card.file.name} <==\n${card.text}\n`).join("\n");
}

async function copy() {
  const text = allText().trimEnd();
  try {
    await navigator.clipboard.writeText(text);
  } catch { // only pages from this machine or by TLS may write to the clipboard so
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
    byId("copy").focus();
  }
  say("Copied");
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

const ENDINGS = { text: "txt", json: "json", hocr: "hocr", pdf: "pdf" };

async function download(format) {
  const read_ = cards.filter((card) => card.result);
  const name = `${read_.length === 1 ? read_[0].file.name.replace(/\.[^.]*$/, "") : "words"}.${ENDINGS[format]}`;
  if (format === "text") return save(new Blob([allText()], { type: "text/plain" }), name);
  if (format === "json") {
    const items = read_.map((card) => ({ ...card.result, name: card.file.name }));
    return save(new Blob([JSON.stringify({ items }, null, 2), "\n"], { type: "application/json" }), name);
  }
  if (read_.length > atMost) return say(`A document has ${atMost} pictures at most.`);
  say("The service makes the document…");
  try {
    const files = read_.map((card) => card.file);
    save(await document_(read_[0].what, format, files, options(), stopping.signal), name);
    say("");
  } catch (error) {
    say(error.message);
  }
}

for (const id of ["files", "camera"]) {
  byId(id).addEventListener("change", (event) => {
    take(event.target.files);
    event.target.value = ""; // the same file may be chosen again
  });
}
addEventListener("dragover", (event) => {
  event.preventDefault();
  byId("drop").classList.add("over");
});
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) byId("drop").classList.remove("over");
});
addEventListener("drop", (event) => {
  event.preventDefault();
  byId("drop").classList.remove("over");
  take(event.dataTransfer.files);
});
addEventListener("paste", (event) => {
  const files = [...event.clipboardData.files];
  if (files.length) {
    event.preventDefault();
    take(files);
  }
});
byId("stop").onclick = stop;
byId("clear").onclick = clear;
byId("copy").onclick = copy;
for (const button of document.querySelectorAll("[data-download]")) {
  button.onclick = () => download(button.dataset.download);
}
byId("key").onsubmit = (event) => {
  event.preventDefault();
  keepToken(byId("token").value);
  byId("key").hidden = true;
  const again = cards.filter((card) => card.failed).map((card) => card.file);
  clear();
  take(again);
};
refresh();
