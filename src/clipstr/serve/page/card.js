// One picture on the page: its boxes, its words, and what is told of the word that is chosen.

const DOUBT = 0.8; // confidence below which a word is marked
const SVG = "http://www.w3.org/2000/svg";
const percent = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });

function element(name, text, ...classes) {
  const made = document.createElement(name);
  if (text != null) made.textContent = text;
  made.classList.add(...classes);
  return made;
}

export class Card {
  /** A card for `file`, waiting to be read as `what`. */
  constructor(file, what) {
    this.file = file;
    this.what = what;
    this.result = null;
    this.root = document.getElementById("card").content.firstElementChild.cloneNode(true);
    this.root.classList.toggle("word", what === "read");
    this.root.querySelector("h2").textContent = file.name;
    this.words = this.root.querySelector(".words");
    this.detail = this.root.querySelector(".detail");
    this.boxes = this.root.querySelector(".boxes");
    this.words.append(element("p", "waiting…", "waiting"));
    this.picture = URL.createObjectURL(file);
    const image = this.root.querySelector("img");
    image.alt = `The picture ${file.name}`;
    image.onerror = () => {
      image.replaceWith(element("div", null, "unseen"));
      if (!this.failed) this.note("This browser cannot show a picture of this kind; it is read all the same.");
    };
    image.src = this.picture;
  }

  /** The text that was read, "" if there is none. */
  get text() {
    if (!this.result) return "";
    if (this.what === "read") return this.result.text;
    return this.result.pages.map((page) => paragraphs(page.lines).map(
      (lines) => lines.map((line) => line.text).join("\n")).join("\n\n")).join("\n\n");
  }

  note(message) {
    const note = this.root.querySelector(".note");
    note.textContent = message;
    note.hidden = false;
  }

  /** Shows why there is no result. */
  fail(message) {
    this.failed = true;
    this.words.replaceChildren();
    this.note(message);
  }

  /** Shows what was read. */
  show(result) {
    this.result = result;
    this.words.replaceChildren();
    if (this.what === "read") {
      this.line([result]);
      if (!result.text) this.words.replaceChildren(element("p", "no word was read", "none"));
      else this.choose(this.words.querySelector("button"), result, null);
      return;
    }
    const first = result.pages[0];
    this.boxes.setAttribute("viewBox", `0 0 ${first.width} ${first.height}`);
    for (const page of result.pages) {
      for (const lines of paragraphs(page.lines)) {
        lines.forEach((line, number) => this.line(line.words, number === 0, page === first));
      }
    }
    if (!this.words.childElementCount) this.words.append(element("p", "no words were found", "none"));
  }

  line(words, begins, drawn) {
    const line = element("p");
    line.classList.toggle("gap", Boolean(begins && this.words.childElementCount));
    for (const word of words) {
      if (!word.text) continue;
      const button = element("button", word.text);
      button.type = "button";
      button.setAttribute("aria-pressed", "false");
      button.classList.toggle("doubt", word.confidence < DOUBT);
      button.title = percent.format(word.confidence);
      const box = drawn && word.polygon ? this.box(word.polygon) : null;
      button.onclick = () => this.choose(button, word, box);
      if (box) box.onclick = () => { button.focus(); this.choose(button, word, box); };
      line.append(button);
    }
    if (line.childElementCount) this.words.append(line);
  }

  box(polygon) {
    const box = document.createElementNS(SVG, "polygon");
    box.setAttribute("points", polygon.map((corner) => corner.join(",")).join(" "));
    this.boxes.append(box);
    return box;
  }

  /** Tells of `word`: each of its characters with its probability. */
  choose(button, word, box) {
    for (const other of this.words.querySelectorAll("[aria-pressed=true]")) other.setAttribute("aria-pressed", "false");
    for (const other of this.boxes.querySelectorAll(".chosen")) other.classList.remove("chosen");
    button.setAttribute("aria-pressed", "true");
    box?.classList.add("chosen");
    const list = element("ul", null, "characters");
    for (const character of word.characters) {
      const item = element("li");
      const share = document.createElement("meter");
      share.max = 1; share.low = 0.5; share.high = 0.9; share.optimum = 1; share.value = character.confidence;
      share.setAttribute("aria-hidden", "true");
      item.append(element("b", character.text), share, element("span", percent.format(character.confidence), "share"));
      list.append(item);
    }
    const told = [element("h3", word.text), element("p", `${percent.format(word.confidence)} sure of exactly this text`)];
    if (word.match) told.push(element("p", `Without that limit: ${word.match.free_text || "nothing"}, ${percent.format(word.match.free_confidence)}`));
    this.detail.replaceChildren(...told, list);
    this.detail.hidden = false;
  }

  /** Takes the card away. */
  remove() {
    URL.revokeObjectURL(this.picture);
    this.root.remove();
  }
}

/** Lines by their paragraphs, in order. */
function paragraphs(lines) {
  const found = [];
  for (const line of lines) {
    const last = found.at(-1);
    if (last && last[0].paragraph === line.paragraph) last.push(line);
    else found.push([line]);
  }
  return found;
}
