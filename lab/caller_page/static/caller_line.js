/* The line of a caller in the browser: SIP by JsSIP through the relay `/phone`. It touches no document.

   const line = new CallerLine();
   line.addEventListener("state", event => …);   // event.detail.state: asking, dialling, talking, ended, and the faults
                                                 // refused, missing, network, no_media, not_taken
   await line.dial(); line.press("1"); line.hangUp(); */

import { UA, WebSocketInterface } from "./vendor/jssip-3.13.8-f15973820630.js";

const CONNECT_MS = 5000; // Until the relay answers, which is on the machine of the page.
const OFFER_MS = 1000; // The call waits no longer for an ICE candidate that leads there.
const MEDIA_MS = 5000; // A call without sound for this long after the answer is lost.
const KEY_MS = 120;
const GAP_MS = 80;
const MICROPHONE = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };

export class CallerLine extends EventTarget {
  #caller = ""; // Number of this page: a visitor who calls twice is one caller.
  #ua = null;
  #session = null;
  #microphone = null;
  #audio = new Audio();
  #context = null;
  #meter = null;
  #source = null;
  #timers = [];

  /** Whether a call goes on, from the first step to the end. */
  get busy() {
    return this.#ua !== null;
  }

  get talking() {
    return this.#session?.isEstablished() ?? false;
  }

  async dial() {
    if (this.busy) return;
    this.#ua = {}; // From here on a second press hangs up.
    this.#tell("asking");
    try {
      this.#microphone = await navigator.mediaDevices.getUserMedia({ audio: MICROPHONE });
    } catch (error) {
      return this.#end(["NotAllowedError", "SecurityError"].includes(error.name) ? "refused" : "missing");
    }
    if (!this.busy) return this.#closeMicrophone();
    this.#tell("dialling");
    let access;
    try {
      access = await (await fetch("/access")).json();
    } catch {
      return this.#end("network");
    }
    if (!this.busy) return;
    this.#caller ||= access.caller;
    this.#connect({ ...access, caller: this.#caller });
  }

  #connect(access) {
    const address = new URL("/phone", location.href);
    address.protocol = "ws:";
    const ua = this.#ua = new UA({
      sockets: [new WebSocketInterface(address.href)], uri: `sip:${access.caller}@caller.invalid`, register: false,
      session_timers: false,
    });
    ua.once("connected", () => this.#call(access));
    this.#later(CONNECT_MS, () => this.#session === null && this.#end("network"));
    ua.start();
  }

  #call(access) {
    const wanted = access.turn ? "relay" : "host";
    let send = null;
    const session = this.#session = this.#ua.call(`sip:${access.number}@caller.invalid`, {
      mediaStream: this.#microphone, extraHeaders: [`${access.header}: page`],
      pcConfig: { iceServers: access.turn ? [access.turn] : [] },
      eventHandlers: {
        // Only a relay's address leads to Asterisk for certain when the page may be at another machine.
        icecandidate: ({ candidate, ready }) => {
          send = ready;
          if (candidate.type === wanted) ready();
        },
        confirmed: () => this.#expectMedia(),
        ended: () => this.#end("ended"),
        failed: ({ originator, cause }) => this.#end(originator === "local" && cause === "Canceled" ? "ended"
          : cause === "Connection Error" ? "network" : "not_taken"),
      },
    });
    this.#later(OFFER_MS, () => send?.());
    const { connection } = session;
    connection.addEventListener("track", ({ track }) => this.#play(new MediaStream([track])));
  }

  /** Answered by SIP is not yet sound. */
  #expectMedia() {
    const session = this.#session;
    const { connection } = session;
    let told = false;
    const look = () => {
      if (told || this.#session !== session) return;
      if (!["connected", "completed"].includes(connection.iceConnectionState)) return;
      told = true;
      this.#tell("talking");
    };
    connection.addEventListener("iceconnectionstatechange", look);
    this.#later(MEDIA_MS, () => !told && this.#session === session && this.#end("no_media"));
    look();
  }

  #play(stream) {
    this.#audio.srcObject = stream;
    this.#audio.play().catch(() => {});
    this.#context ??= new AudioContext();
    this.#context.resume();
    this.#meter ??= new AnalyserNode(this.#context, { fftSize: 4096, smoothingTimeConstant: 0 });
    this.#source = new MediaStreamAudioSourceNode(this.#context, { mediaStream: stream });
    this.#source.connect(this.#meter);
  }

  /** Strongest frequency of what is heard from 100 Hz on, and its level. */
  spectrum() {
    if (this.#source === null) return { db: -100, hertz: 0 };
    const bins = new Float32Array(this.#meter.frequencyBinCount);
    this.#meter.getFloatFrequencyData(bins);
    const width = this.#context.sampleRate / this.#meter.fftSize;
    let best = Math.ceil(100 / width);
    for (let at = best; at < bins.length; at += 1) if (bins[at] > bins[best]) best = at;
    return { db: Math.max(bins[best], -100), hertz: best * width };
  }

  /** Press a key. Returns whether somebody could hear it. */
  press(key) {
    if (!this.talking) return false;
    this.#session.sendDTMF(key, { transportType: "RFC2833", duration: KEY_MS, interToneGap: GAP_MS });
    return true;
  }

  hangUp() {
    this.#end("ended");
  }

  #end(state) {
    if (!this.busy) return;
    const [ua, session] = [this.#ua, this.#session];
    this.#ua = this.#session = null;
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
    try {
      if (session !== null && !session.isEnded()) session.terminate();
    } catch {
      // The other end was faster.
    }
    ua.stop?.();
    this.#source?.disconnect();
    this.#source = null;
    this.#audio.srcObject = null;
    this.#closeMicrophone();
    this.#tell(state);
  }

  #closeMicrophone() {
    for (const track of this.#microphone?.getTracks() ?? []) track.stop();
    this.#microphone = null;
  }

  #later(milliseconds, act) {
    this.#timers.push(setTimeout(act, milliseconds));
  }

  #tell(state) {
    this.dispatchEvent(new CustomEvent("state", { detail: { state } }));
  }
}
