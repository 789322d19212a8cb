// A picture at the model's size, with the same pixels as Pillow's resize: bicubic, box filter first if it is huge.
//
// Pillow's way (Image.resize with reducing_gap; Resample.c and Reduce.c of its documentation and source) is fixed
// point: weights of 22 bits, sums rounded, each pass in 8 bits. Pixels are RGB, three bytes each, rows first.

const PRECISION = 22; // bits of a weight
const SUPPORT = 2; // pixels that the bicubic kernel reaches to either side
const GAP = 3; // times the wanted size that the box filter leaves

/** The bicubic kernel with a = -0.5 at the distance `x`. */
function bicubic(x) {
  const a = -0.5;
  const d = Math.abs(x);
  if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  if (d < 2) return (((d - 5) * d + 8) * d - 4) * a;
  return 0;
}

/** For each of `wanted` pixels made of the stretch up to `end` of `size`: where its weights begin, and they. */
function weights(size, end, wanted) {
  const scale = end / wanted;
  const spread = Math.max(scale, 1);
  const reach = SUPPORT * spread;
  return Array.from({ length: wanted }, (_, n) => {
    const centre = (n + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - reach + 0.5), 0);
    const last = Math.min(Math.trunc(centre + reach + 0.5), size);
    const real = Array.from({ length: last - first }, (_, k) => bicubic((k + first - centre + 0.5) * (1 / spread)));
    let sum = 0;
    for (const weight of real) sum += weight;
    return { first, fixed: real.map((weight) => fixedPoint(sum === 0 ? weight : weight / sum)) };
  });
}

function fixedPoint(weight) {
  return Math.trunc((weight < 0 ? -0.5 : 0.5) + weight * (1 << PRECISION));
}

function level(sum) {
  return Math.min(Math.max(sum >> PRECISION, 0), 255);
}

/** Resamples along one side: `stride` bytes to the next pixel of it, `lines` lines `apart` bytes apart. */
function pass(source, parts, stride, lines, apart, target, targetStride, targetApart) {
  const half = 1 << (PRECISION - 1);
  for (let line = 0; line < lines; line += 1) {
    parts.forEach(({ first, fixed }, n) => {
      const from = line * apart + first * stride;
      const to = line * targetApart + n * targetStride;
      for (let colour = 0; colour < 3; colour += 1) {
        let sum = half;
        for (let k = 0; k < fixed.length; k += 1) sum += source[from + k * stride + colour] * fixed[k];
        target[to + colour] = level(sum);
      }
    });
  }
}

/** The means of boxes of `across` by `down` pixels; those at the right and lower edges may be smaller. */
function reduced({ pixels, width, height }, across, down) {
  const columns = Math.ceil(width / across);
  const rows = Math.ceil(height / down);
  const target = new Uint8Array(3 * columns * rows);
  for (let row = 0; row < rows; row += 1) {
    const bottom = Math.min((row + 1) * down, height);
    for (let column = 0; column < columns; column += 1) {
      const right = Math.min((column + 1) * across, width);
      const count = (right - column * across) * (bottom - row * down);
      const share = Math.floor(2 ** 24 / count);
      for (let colour = 0; colour < 3; colour += 1) {
        let sum = Math.floor(count / 2);
        for (let y = row * down; y < bottom; y += 1) {
          for (let x = column * across; x < right; x += 1) sum += pixels[3 * (y * width + x) + colour];
        }
        target[3 * (row * columns + column) + colour] = Math.floor((sum * share) / 2 ** 24);
      }
    }
  }
  return { pixels: target, width: columns, height: rows };
}

/** `picture` ({pixels, width, height}) as pixels of `width` by `height`, three bytes each. */
export function resized(picture, width, height) {
  const across = Math.max(Math.trunc(picture.width / width / GAP), 1);
  const down = Math.max(Math.trunc(picture.height / height / GAP), 1);
  const small = across > 1 || down > 1 ? reduced(picture, across, down) : picture;
  // Not whole if boxes were smaller, and a float of 32 bits there.
  const [right, bottom] = [picture.width / across, picture.height / down].map(Math.fround);
  const passes = [];
  if (right !== width || small.width !== width) passes.push([acrossPass, right, width]);
  if (bottom !== height || small.height !== height) passes.push([downPass, bottom, height]);
  // As Pillow 13 does, found by trying: down first if more pixels go that way, those across counted twice.
  if (small.height - height > Math.max(2 * (small.width - width), 0)) passes.reverse();
  return passes.reduce((found, [does, end, wanted]) => does(found, end, wanted), small).pixels;
}

function acrossPass({ pixels, width, height }, end, wanted) {
  const target = new Uint8Array(3 * wanted * height);
  pass(pixels, weights(width, end, wanted), 3, height, 3 * width, target, 3, 3 * wanted);
  return { pixels: target, width: wanted, height };
}

function downPass({ pixels, width, height }, end, wanted) {
  const target = new Uint8Array(3 * width * wanted);
  pass(pixels, weights(height, end, wanted), 3 * width, width, 3, target, 3 * width, 3);
  return { pixels: target, width, height: wanted };
}
