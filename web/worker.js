// Reads beside the page, so that the page stays quick: {number, blob} comes in, {number, reading} goes out.

import { Reader } from "./reader.js";

const loading = Reader.load("./model/");

onmessage = async ({ data: { number, blob } }) => {
  try {
    const reader = await loading;
    postMessage({ number, reading: await reader.read(blob) });
  } catch (error) {
    postMessage({ number, error: String(error.message ?? error) });
  }
};
loading.then(() => postMessage({ ready: true }), (error) => postMessage({ broken: String(error.message ?? error) }));
