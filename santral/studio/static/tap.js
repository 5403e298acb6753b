// Hand the microphone to the page in pieces of 100 ms. It runs in the thread of the sound, whose blocks are 2.7 ms:
// a message for each of them would keep the page busy.
const PIECE = Math.round(sampleRate / 10);

class Tap extends AudioWorkletProcessor {
  constructor() {
    super();
    this.piece = new Float32Array(PIECE);
    this.filled = 0;
  }

  process(inputs) {
    for (const sample of inputs[0][0] ?? []) {
      this.piece[this.filled++] = sample;
      if (this.filled === PIECE) {
        this.port.postMessage(this.piece.slice());
        this.filled = 0;
      }
    }
    return true;
  }
}
registerProcessor("tap", Tap);
