// The reader in the browser: a model's folder, as `clipstr export` writes it, run by ONNX Runtime Web.

import * as ort from "./ort/ort.wasm.min.mjs";

import { resized } from "./resizing.js";

const END = 0; // the id of the end of a text
// As `clipstr.imaging` has them; a test compares the pixels.
const LEAST_CONTRAST = 96; // of 255: letters that are nearer to white, on the whole, are put on black
const PANEL = 0.75; // share of a picture: what covers more has a ground of its own

ort.env.wasm.wasmPaths = new URL("./ort/", import.meta.url).href;
// Threads need a page that is isolated from all others, which its server must say by headers.
ort.env.wasm.numThreads = globalThis.crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency) : 1;

async function fetched(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url.pathname}: the server answered ${response.status}`);
  return response;
}

/** A file of the model, which is what its config says it is. */
async function verified(folder, config, name) {
  const content = await (await fetched(new URL(name, folder))).arrayBuffer();
  if (globalThis.crypto?.subtle) { // only where the page itself came safely
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
    const found = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    if (found !== config.files[name].sha256) throw new Error(`${name}: damaged on its way; load the page again`);
  }
  return ort.InferenceSession.create(content, {
    executionProviders: ["wasm"],
    graphOptimizationLevel: "all",
    logSeverityLevel: 3, // errors: that a graph's inputs may have values of their own is no news
  });
}

export class Reader {
  /** The reader of the model in the folder at `address`, which ends with a slash. */
  static async load(address) {
    const folder = new URL(address, globalThis.location.href);
    const config = await (await fetched(new URL("config.json", folder))).json();
    const [encoder, decoder] = await Promise.all(
      ["encoder.onnx", "decoder.onnx"].map((name) => verified(folder, config, name)),
    );
    return new Reader(config, encoder, decoder);
  }

  constructor(config, encoder, decoder) {
    this.config = config;
    this.encoder = encoder;
    this.decoder = decoder;
    this.characters = [...config.form.characters];
  }

  /** The pixels that the model is given of the encoded picture `blob`: three bytes each, rows first. */
  async pixels(blob) {
    const { width, height } = this.config.form.preprocessing;
    return resized(await unpacked(blob), width, height);
  }

  /** The word in the encoded picture `blob`: {text, confidence, characters}, as of one look. */
  async read(blob) {
    const { width, height, mean, deviation } = this.config.form.preprocessing;
    const pixels = await this.pixels(blob);
    const size = width * height;
    const input = new Float32Array(3 * size);
    for (let n = 0; n < size; n += 1) {
      for (let colour = 0; colour < 3; colour += 1) {
        input[colour * size + n] = (pixels[3 * n + colour] / 255 - mean) / deviation;
      }
    }
    const memory = await this.encoder.run({ images: new ort.Tensor("float32", input, [1, 3, height, width]) });
    try {
      return await this.spelled(memory);
    } finally {
      for (const tensor of Object.values(memory)) tensor.dispose();
    }
  }

  /** The likeliest text character by character, each with its probability. */
  async spelled(memory) {
    const ids = [this.characters.length + 1]; // the begin token
    const characters = [];
    let confidence = 1;
    for (let position = 0; ; position += 1) {
      const chances = await this.chances(ids, position, memory);
      const last = position === this.config.form.max_length;
      const best = last ? END : chances.indexOf(Math.max(...chances));
      confidence *= chances[best];
      if (best === END) return this.calibrated(confidence, characters);
      ids.push(best);
      characters.push({ text: this.characters[best - 1], confidence: chances[best] });
    }
  }

  /** The reading of `characters`, its probabilities bent as `clipstr.calibration` bends those of one look. */
  calibrated(own, characters) {
    const text = characters.map((character) => character.text).join("");
    const curve = this.config.calibration?.one_look;
    if (!curve || own <= 0 || own >= 1) return { text, confidence: own, characters };
    const odds = curve.slope * (Math.log(own) - Math.log1p(-own)) + curve.offset;
    const confidence = 1 / (1 + Math.exp(-odds));
    const power = confidence > 0 && confidence < 1 ? Math.log(confidence) / Math.log(own) : 1;
    const bent = characters.map((part) => ({ text: part.text, confidence: part.confidence ** power }));
    return { text, confidence, characters: bent };
  }

  /** The probability of each class at `position` after the tokens `ids`. */
  async chances(ids, position, memory) {
    const outputs = await this.decoder.run({
      ids: new ort.Tensor("int64", BigInt64Array.from(ids, BigInt), [1, ids.length]),
      positions: new ort.Tensor("int64", BigInt64Array.of(BigInt(position)), [1]),
      ...memory,
    });
    const logits = [...outputs.logits.data];
    outputs.logits.dispose();
    const most = Math.max(...logits);
    const grown = logits.map((logit) => Math.exp(logit - most));
    const sum = grown.reduce((total, value) => total + value, 0);
    return grown.map((value) => value / sum);
  }
}

/** The picture as a person sees it, without transparency and as its file has the colours. */
async function unpacked(blob) {
  const image = await createImageBitmap(blob, {
    imageOrientation: "from-image",
    colorSpaceConversion: "none",
    premultiplyAlpha: "none",
  });
  const { width, height } = image;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const ground = groundFor(data);
  const pixels = new Uint8Array(3 * width * height);
  for (let n = 0, m = 0; n < data.length; n += 4) {
    const alpha = data[n + 3];
    for (let colour = 0; colour < 3; colour += 1, m += 1) {
      pixels[m] = alpha === 255 ? data[n + colour] : Math.round((data[n + colour] * alpha + ground * (255 - alpha)) / 255);
    }
  }
  return { pixels, width, height };
}

/** The grey that lies below what is transparent in RGBA `data`: white, or black if letters vanished on white. */
function groundFor(data) {
  let [opacity, level] = [0, 0];
  for (let n = 0; n < data.length; n += 4) {
    const grey = (19595 * data[n] + 38470 * data[n + 1] + 7471 * data[n + 2] + 0x8000) >> 16;
    opacity += data[n + 3];
    level += grey * data[n + 3];
  }
  const covered = opacity / 255 / (data.length / 4);
  if (covered > PANEL || opacity === 0) return 255; // it has a ground of its own
  const mean = level / opacity;
  return 255 - mean < Math.min(LEAST_CONTRAST, mean) ? 0 : 255;
}
