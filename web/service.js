// What the page asks of its service, which here is a worker of its own: pictures stay on this machine.

export class Failure extends Error {
  constructor(type, message) {
    super(message);
    this.type = type;
  }
}

const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
const waiting = new Map();
let count = 0;
let broken = null;

worker.onmessage = ({ data }) => {
  if (data.ready) document.documentElement.dataset.ready = "yes";
  if (data.broken) fail(`The model cannot be loaded: ${data.broken}`);
  const told = waiting.get(data.number);
  if (!told) return;
  waiting.delete(data.number);
  if (data.error) told.reject(new Failure("unreadable", "This browser cannot open the picture; save it as PNG or JPEG."));
  else told.resolve({ ...data.reading, model: "in this page" });
};
worker.onerror = (event) => fail(`The reader failed: ${event.message ?? "its files cannot be loaded"}`);

function fail(message) {
  broken = new Failure("broken", message);
  for (const told of waiting.values()) told.reject(broken);
  waiting.clear();
}

/** What is read in one picture. Throws a Failure. */
export function read(what, file, options, signal) {
  if (broken) return Promise.reject(broken);
  count += 1;
  const number = count;
  return new Promise((resolve, reject) => {
    waiting.set(number, { resolve, reject });
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    worker.postMessage({ number, blob: file });
  });
}

/** There is no service that makes documents. */
export function document_() {
  return Promise.reject(new Failure("missing", "Documents are made by the service only."));
}

/** There is no token. */
export function keepToken() {}
