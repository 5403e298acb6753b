// What the agent hears: the caller's sound and the ringer, each with a device of its own.

const LIMIT_DB = -9; // Threshold of the limiter.
const LIMIT_RATIO = 20;
const GAIN_MAX_DB = 20;
const RING_HZ = [440, 480];

const db = (value) => 10 ** (value / 20);

/** A sound with a device that may be chosen, and may go away. Subclasses have `apply`, which follows `wanted`. */
class SoundOutput {
  context = null; // AudioContext, made at the first sound.

  constructor(wanted) {
    this.wanted = { ...wanted, device: "" };
  }

  /** Change what is wanted. */
  async set(wanted) {
    this.wanted = { ...this.wanted, ...wanted };
    this.apply();
    if (wanted.device !== undefined) await this.route();
  }

  /** Send the sound to the wanted device, or to the standard one if that refuses. */
  async route() {
    await this.context?.setSinkId?.(this.wanted.device).catch(() => {
      this.wanted.device = "";
    });
  }

  /** Go back to the standard device if the chosen one is gone. Returns whether it was. */
  async dropDevice(present) {
    if (!this.wanted.device || present.includes(this.wanted.device)) return false;
    await this.set({ device: "" });
    return true;
  }
}

/** The caller's sound on its way to the ear: gain, limiter, ear, device. */
export class CallerSound extends SoundOutput {
  #source = null;
  #nodes = null;
  #pull = null; // Chromium gives WebAudio a remote track's sound only while an element plays it.
  #meters = new WeakMap();

  constructor() {
    super({ ear: "both", gainDb: 0, limiter: true });
  }

  #open() {
    if (this.context !== null) return;
    const context = this.context = new AudioContext({ latencyHint: "interactive" });
    const gain = new GainNode(context, { channelCount: 1, channelCountMode: "explicit" });
    const limiter = new DynamicsCompressorNode(context, { knee: 0, attack: 0.002, release: 0.1 });
    const level = new GainNode(context);
    const left = new GainNode(context);
    const right = new GainNode(context);
    const ears = new ChannelMergerNode(context, { numberOfInputs: 2 });
    const meter = new AnalyserNode(context, { fftSize: 4096, smoothingTimeConstant: 0 });
    gain.connect(limiter).connect(level);
    level.connect(left).connect(ears, 0, 0);
    level.connect(right).connect(ears, 0, 1);
    ears.connect(context.destination);
    this.#nodes = { gain, limiter, level, left, right, meter };
    this.apply();
  }

  apply() {
    if (this.#nodes === null) return;
    const { ear, gainDb, limiter } = this.wanted;
    const { gain, limiter: node, level, left, right } = this.#nodes;
    gain.gain.value = db(Math.min(Math.max(gainDb, 0), GAIN_MAX_DB));
    node.threshold.value = limiter ? LIMIT_DB : 0;
    node.ratio.value = limiter ? LIMIT_RATIO : 1;
    // The node makes up for what it takes away, by 0.6 of the loss at full scale; a limiter must not.
    level.gain.value = limiter ? db(0.6 * LIMIT_DB * (1 - 1 / LIMIT_RATIO)) : 1;
    left.gain.value = ear === "right" ? 0 : 1;
    right.gain.value = ear === "left" ? 0 : 1;
  }

  play(stream) {
    this.stop();
    this.#open();
    if (this.context.state === "suspended") this.context.resume();
    this.#pull = new Audio();
    this.#pull.muted = true;
    this.#pull.srcObject = stream;
    this.#pull.play().catch(() => {});
    this.#source = new MediaStreamAudioSourceNode(this.context, { mediaStream: stream });
    this.#source.connect(this.#nodes.gain);
    this.#source.connect(this.#nodes.meter);
    if (this.wanted.device) this.route();
  }

  stop() {
    this.#source?.disconnect();
    this.#source = null;
    if (this.#pull !== null) this.#pull.srcObject = null;
    this.#pull = null;
  }

  /** Strongest frequency of what comes in, and its level. */
  spectrum() {
    if (this.#source === null) return { db: -100, hertz: 0 };
    const { meter } = this.#nodes;
    const bins = new Float32Array(meter.frequencyBinCount);
    meter.getFloatFrequencyData(bins);
    // Below 100 Hz there is no speech and much hum.
    const width = this.context.sampleRate / meter.fftSize;
    let best = Math.ceil(100 / width);
    for (let at = best; at < bins.length; at += 1) if (bins[at] > bins[best]) best = at;
    return { db: Math.max(bins[best], -100), hertz: best * width };
  }

  hears(hertz) {
    const found = this.spectrum();
    return found.db > -60 && Math.abs(found.hertz - hertz) < 25;
  }

  levelOf(stream) {
    if (stream === null) return -100;
    this.#open();
    let meter = this.#meters.get(stream);
    if (meter === undefined) {
      meter = new AnalyserNode(this.context, { fftSize: 2048 });
      new MediaStreamAudioSourceNode(this.context, { mediaStream: stream }).connect(meter);
      this.#meters.set(stream, meter);
    }
    const samples = new Float32Array(meter.fftSize);
    meter.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, one) => sum + one * one, 0) / samples.length;
    return power > 0 ? Math.max(10 * Math.log10(power), -100) : -100;
  }

  /** A stream that is silent until `start`, then has a tone. */
  async tone(hertz) {
    this.#open();
    await this.context.resume();
    const context = this.context;
    const out = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
    const gain = new GainNode(context, { gain: 0 });
    const source = new OscillatorNode(context, { frequency: hertz });
    source.connect(gain).connect(out);
    source.start();
    return {
      stream: out.stream,
      start: (seconds) => {
        gain.gain.setValueAtTime(0.3, context.currentTime);
        gain.gain.setValueAtTime(0, context.currentTime + seconds);
      },
      stop: () => source.stop(),
    };
  }
}

/** The ringer, with loudness and device apart from the caller's sound. */
export class Ringer extends SoundOutput {
  #gain = null;
  #sources = [];

  constructor() {
    super({ on: true, volume: 0.5 });
  }

  apply() {
    if (this.#gain !== null) this.#gain.gain.value = this.wanted.volume;
    if (!this.wanted.on) this.stop();
  }

  start() {
    if (!this.wanted.on || this.#sources.length) return;
    if (this.context === null) {
      this.context = new AudioContext();
      this.#gain = new GainNode(this.context);
      this.#gain.connect(this.context.destination);
      if (this.wanted.device) this.route();
    }
    this.context.resume();
    this.#gain.gain.value = this.wanted.volume;
    // The pattern is written ahead for a minute: no timer of a hidden tab is needed.
    const beat = new GainNode(this.context, { gain: 0 });
    const now = this.context.currentTime;
    for (let at = 0; at < 60; at += 3) {
      beat.gain.setValueAtTime(0.2, now + at);
      beat.gain.setValueAtTime(0, now + at + 1);
    }
    beat.connect(this.#gain);
    this.#sources = RING_HZ.map((frequency) => {
      const source = new OscillatorNode(this.context, { frequency });
      source.connect(beat);
      source.start();
      return source;
    });
  }

  stop() {
    for (const source of this.#sources) {
      source.stop();
      source.disconnect();
    }
    this.#sources = [];
  }
}
