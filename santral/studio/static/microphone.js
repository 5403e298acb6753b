// The microphone as a row of blocks of samples, unprocessed: no gain control and no filter may change a voice.

import {RATE} from "./take.js";

export class Microphone {
  /** `onBlock` gets each block of samples. */
  constructor(onBlock) { this.onBlock = onBlock; }

  async open() {
    const stream = await navigator.mediaDevices.getUserMedia({audio: {
      channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false}});
    const context = new AudioContext({sampleRate: RATE});
    await context.audioWorklet.addModule(new URL("./tap.js", import.meta.url));
    const tap = new AudioWorkletNode(context, "tap", {channelCount: 1, channelCountMode: "explicit"});
    tap.port.onmessage = (message) => this.onBlock(message.data);
    context.createMediaStreamSource(stream).connect(tap);
    // Without a way to the output a browser may stop the node; its output is silence.
    tap.connect(context.destination);
    await context.resume();
  }
}
