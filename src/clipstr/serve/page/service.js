// What the page asks of its service. Pictures go nowhere else.

const TRIES = 6; // of one picture while the service is busy
const TOKEN = "clipstr-token";

export class Failure extends Error {
  constructor(type, message) {
    super(message);
    this.type = type;
  }
}

/** Keeps `token` for this tab. */
export function keepToken(token) {
  sessionStorage.setItem(TOKEN, token);
}

function head() {
  const token = sessionStorage.getItem(TOKEN);
  return token ? { Authorization: `Bearer ${token}` } : {};
}

function form(files, options) {
  const data = new FormData();
  for (const file of files) data.append("files", file, file.name);
  for (const [name, value] of Object.entries(options)) if (value !== "" && value != null) data.append(name, value);
  return data;
}

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, 1000 * seconds);
    signal.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
  });
}

/** The response to `files`; waits as it is told to while the service is busy. Throws a Failure. */
async function ask(path, files, options, signal) {
  for (let tries = 1; ; tries += 1) {
    let response;
    try {
      response = await fetch(path, { method: "POST", body: form(files, options), headers: head(), signal });
    } catch (error) {
      if (signal.aborted) throw error;
      throw new Failure("unreachable", "The service cannot be reached.");
    }
    if (response.ok) return response;
    const values = await response.json().catch(() => ({}));
    if (values.items) return { json: async () => values };
    if (response.status === 429 && tries < TRIES) {
      await pause(Number(response.headers.get("Retry-After")) || 1, signal);
      continue;
    }
    const error = values.error ?? { type: String(response.status), message: `The service answered ${response.status}.` };
    throw new Failure(error.type, error.message);
  }
}

/** What is read in one picture: its pages, each of lines of words. Throws a Failure. */
export async function read(what, file, options, signal) {
  const values = await (await ask(`v1/${what}`, [file], options, signal)).json();
  const item = values.items[0];
  if (item.error) throw new Failure(item.error.type, item.error.message);
  return item;
}

/** The document that the service makes of `files`, as a Blob. Throws a Failure. */
export async function document_(what, format, files, options, signal) {
  const response = await ask(`v1/${what}?format=${format}`, files, options, signal);
  if (!response.blob) throw new Failure("unreadable", "None of the pictures could be read.");
  return response.blob();
}
