// The microphone as a row of blocks of samples, unprocessed: no gain control and no filter may change a voice.

/** Rates of 96 kHz and more only make a take larger. */
const HIGHEST_RATE = 48000;

export class Microphone {
  /** `onBlock` gets each block of samples. */
  constructor(onBlock) { this.onBlock = onBlock; this.rate = HIGHEST_RATE; }

  async open() {
    const stream = await navigator.mediaDevices.getUserMedia({audio: {
      channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false}});
    // Not every browser takes a microphone into a context of another rate, so its own rate is the first choice.
    let context = new AudioContext();
    if (context.sampleRate > HIGHEST_RATE) {
      await context.close();
      context = new AudioContext({sampleRate: HIGHEST_RATE});
    }
    this.rate = context.sampleRate;
    await context.audioWorklet.addModule(new URL("./tap.js", import.meta.url));
    const tap = new AudioWorkletNode(context, "tap", {channelCount: 1, channelCountMode: "explicit"});
    tap.port.onmessage = (message) => this.onBlock(message.data);
    context.createMediaStreamSource(stream).connect(tap);
    // Without a way to the output a browser may stop the node; its output is silence.
    tap.connect(context.destination);
    await context.resume();
  }
}
