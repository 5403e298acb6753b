// Measure and cut one take, without any page: samples in, numbers and a WAV out.

/** Silence that stays at both ends. The import wants 100 ms, and a soft consonant needs more. */
const KEPT_S = 0.3;
/** Distance of the voice above the noise of the room, and level below which nothing is a voice. */
const ABOVE_NOISE_DB = 12;
const FAINTEST_DB = -50;

export const decibels = (amplitude) => amplitude > 0 ? 20 * Math.log10(amplitude) : -100;

function power(samples, from, to) {
  let sum = 0;
  for (let i = from; i < to; i++) sum += samples[i] * samples[i];
  return Math.sqrt(sum / Math.max(1, to - from));
}

/** Levels of windows of 10 ms in dBFS. */
export function windowLevels(samples, rate) {
  const levels = [], size = rate / 100;
  for (let at = 0; at + size <= samples.length; at += size) levels.push(decibels(power(samples, at, at + size)));
  return levels;
}

/** Noise of the room: the level that a tenth of the windows do not reach. */
export function roomNoise(levels) {
  const sorted = [...levels].sort((a, b) => a - b);
  return sorted.length ? sorted[Math.floor(sorted.length / 10)] : -100;
}

export const isVoice = (level, noise) => level > Math.max(FAINTEST_DB, noise + ABOVE_NOISE_DB);

/** The take without long silence at its ends, with the levels of voice and room. Null if nobody spoke. */
export function cutTake(samples, rate) {
  const levels = windowLevels(samples, rate);
  const noise = roomNoise(levels);
  const first = levels.findIndex((level) => isVoice(level, noise));
  if (first < 0) return null;
  let last = levels.length - 1;
  while (!isVoice(levels[last], noise)) last--;
  const voice = levels.slice(first, last + 1).filter((level) => isVoice(level, noise));
  const mean = 10 * Math.log10(voice.reduce((sum, level) => sum + 10 ** (level / 10), 0) / voice.length);
  const from = Math.max(0, (first / 100 - KEPT_S) * rate), to = ((last + 1) / 100 + KEPT_S) * rate;
  return {samples: samples.slice(Math.round(from), Math.round(to)), level: mean, noise};
}

/** A WAV of 16 bit, mono. */
export function encodeWav(samples, rate) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const put = (at, text) => [...text].forEach((one, i) => view.setUint8(at + i, one.charCodeAt(0)));
  put(0, "RIFF"); view.setUint32(4, 36 + 2 * samples.length, true); put(8, "WAVEfmt ");
  view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
  view.setUint32(24, rate, true); view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true); view.setUint16(34, 16, true);
  put(36, "data"); view.setUint32(40, 2 * samples.length, true);
  samples.forEach((one, i) => view.setInt16(44 + 2 * i, Math.round(Math.max(-1, Math.min(1, one)) * 32767), true));
  return new Blob([view], {type: "audio/wav"});
}
