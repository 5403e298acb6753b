/* The telephone in the page: SIP by JsSIP through the relay `/phone`, sound by WebAudio. It touches no document.

   const phone = new Softphone(access);         // access: answer of POST /api/v1/agents/{id}/phone
   phone.addEventListener("offer", event => …); // event.detail, see below
   await phone.openMicrophone();                // once, at sign-in; it stays open
   phone.start();                               // connect and register
   …
   phone.tick();                                // at each `tick` of the server: register again, connect again

   A page that finds its agent in a call which it does not have (after a reload) says so once the phone is registered:
   POST /api/v1/agents/{id}/phone/returned. The dead leg ends, and the caller comes to this agent first.

   Events, each a CustomEvent with `detail`:
   registered     {}                            the phone can ring
   unregistered   {reason}                      newer_page, session_ended, no_seat, wrong_user, no_sip: final, the page
                                                calls nothing more (after no_seat: ask for a seat, then `restart(access)`);
                                                asterisk_away, node_stops, network, too_slow, refused: it comes back by
                                                itself, and a talk goes on meanwhile
   offer          {name}                        it rings; name: what a telephone would show, "Psikososyal destek 12 sn"
   talking        {}                            sound flows, also after a hold
   held           {}                            the caller hears music
   ended          {by, rang}                    the call is over; by: "agent", "caller"; rang: it was never answered
   failed         {reason}                      no_media: answered, and no sound after 3 to 6 s; the caller is in front
                                                no_microphone: not answered; no_signalling: the call cannot be reached
   microphone     {state, name}                 open, refused, missing, gone; name of the device, or of the error
   sound          {there}                       the network of a talk is gone, or back: the talk ends unless it is soon
   device         {kind, state}                 kind: output, ringer; state: gone (the standard device is used) */

import { PhoneSocket } from "./phone_socket.js";
import { CallerSound, Ringer } from "./sound_output.js";
import { UA } from "./vendor/jssip-3.13.8-f15973820630.js";

const ANSWER_MS = 1000; // The answer waits no longer for an ICE candidate that leads there.
const EARLY_MS = 1000; // An answer may be this much earlier than the call: events are faster than SIP.
const OPENING_MS = 3000; // A caller waits no longer for a microphone that is just opening.
const MEDIA_MS = 3000; // A talk that finds no way for its sound within this time is lost, or no keys in as much more.
const CHANGES = ["iceconnectionstatechange", "connectionstatechange"];
const EXPIRES_S = 600; // Registration, five ticks of the server.
const RECONNECT_S = [1, 4]; // Shortest and longest wait between two connections.
const FINAL = { 4001: "newer_page", 4002: "session_ended", 4003: "wrong_user", 4004: "no_sip", 4006: "no_seat" };
const PASSING = { 1012: "node_stops", 1013: "asterisk_away", 4005: "too_slow" };
const LOST = ['Reason: Q.850;cause=44;text="no media"']; // Asterisk ends the leg as lost, not as hung up by the agent.
const KEY_MS = 120;
const GAP_MS = 80;
const CHECK_HZ = 1000; // Tone of the sound check.
const CHECK_TONE_S = 0.5;
const CHECK_MS = 8000; // The whole sound check.
const MICROPHONE = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };

export class Softphone extends EventTarget {
  #access;
  #ua = null;
  #socket = null;
  #final = ""; // Reason of a final end, or nothing.
  #session = null;
  #ready = null; // Sends the answer with the ICE candidates that are there.
  #answered = false;
  #answerUntil = 0; // A call that comes until then is answered: the agent has seen the offer before it rang.
  #mediaTimer = 0;
  #checking = false;
  #muted = false;
  #held = false;
  #microphone = null; // MediaStream, kept between calls.
  #device = ""; // Microphone that was asked for.
  #opening = null; // Promise of the microphone that opens at this moment.
  #sound = new CallerSound();
  #ringer = new Ringer();
  #pc = {};

  /** `options.pc` is merged into the configuration of each RTCPeerConnection (tests force a relay with it). */
  constructor(access, options = {}) {
    super();
    this.#access = access;
    this.#pc = options.pc ?? {};
    navigator.mediaDevices?.addEventListener("devicechange", () => this.#checkDevices());
  }

  /** The state at this moment, for a page that looks instead of listening. */
  get state() {
    const call = this.#session === null || this.#checking ? null
      : !this.#answered ? "ringing" : this.#held ? "held" : "talking";
    const microphone = this.#microphone?.getAudioTracks()[0]?.readyState === "live";
    return { connected: this.#ua?.isConnected() ?? false, registered: this.#ua?.isRegistered() ?? false, call,
      muted: this.#muted, microphone, ended: this.#final, sound: !isSilent(this.#session?.connection) };
  }

  // --- registration ---------------------------------------------------------------------------------------------

  /** Connect and register. */
  start() {
    const { seat, uri, secret, websocket } = this.#access;
    const url = new URL(websocket, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : url.protocol === "http:" ? "ws:" : url.protocol;
    this.#final = "";
    const socket = this.#socket = new PhoneSocket(url.href);
    this.#ua = new UA({
      sockets: [socket], uri, password: secret, register: true, register_expires: EXPIRES_S, session_timers: false,
      // The guard of the relay lets a page speak as its seat alone, in a talk too.
      contact_uri: `sip:${seat}@${crypto.randomUUID()}.invalid;transport=ws`,
      connection_recovery_min_interval: RECONNECT_S[0], connection_recovery_max_interval: RECONNECT_S[1],
    });
    this.#ua.on("registered", () => this.#emit("registered"));
    this.#ua.on("registrationFailed", () => this.#emit("unregistered", { reason: "refused" }));
    this.#ua.on("disconnected", ({ code }) => this.#onDisconnected(code));
    this.#ua.on("newRTCSession", ({ originator, session }) => originator === "remote" && this.#onOffer(session));
    this.#ua.start();
  }

  /** Sign out: take the phone off the exchange. A talk ends as hung up by the agent. */
  stop() {
    this.#ringer.stop();
    // It signs off within 2 s. A phone that begins again meanwhile must not hear of the end of this one.
    this.#ua?.removeAllListeners();
    this.#socket?.finish();
    this.#ua?.stop();
    this.#ua = null;
  }

  /** The end of the shift: like `stop`, and the microphone closes. `restart` begins again. */
  close() {
    this.stop();
    this.#closeMicrophone();
  }

  /** Give the phone to a newer page, without a word: a BYE would say that the agent has hung up. */
  leave() {
    this.#final = "newer_page";
    this.#ua?.removeAllListeners();
    this.#endQuietly();
    this.#ua = null;
    this.#closeMicrophone();
  }

  #endQuietly() {
    // Without a connection nothing can be sent, whatever timers of the library are left.
    this.#socket?.retire();
    this.#session?.connection?.close();
    this.#forgetCall();
  }

  /** Begin again with another answer of POST …/phone. */
  restart(access) {
    this.stop();
    this.#access = access;
    this.start();
  }

  /** Take new credentials for TURN; they are valid for 10 minutes. The next call uses them. */
  renewAccess(access) {
    this.#access = { ...this.#access, turn: access.turn };
  }

  /** The server's tick. A hidden tab holds timers back for a minute, and pushed events come at once. */
  tick() {
    if (this.#ua === null || this.#final) return;
    if (this.#ua.isConnected()) {
      this.#ua.register();
      this.#socket.expectAnswer();
      return;
    }
    this.#socket.dropHanging();
    this.#ua.transport.connect();
  }

  #onDisconnected(code) {
    this.#final = FINAL[code] ?? "";
    if (!this.#final) return this.#emit("unregistered", { reason: PASSING[code] ?? "network" });
    // The connection does not come back, and the talk goes where the phone is now.
    const talked = this.#session !== null;
    this.#endQuietly();
    if (talked) this.#emit("ended", { by: "page", rang: false });
    this.#emit("unregistered", { reason: this.#final });
  }

  // --- calls ----------------------------------------------------------------------------------------------------

  #onOffer(session) {
    if (this.#session !== null && (this.#checking || !isSilent(this.#session.connection))) {
      session.terminate({ status_code: 486 });
      return;
    }
    // A talk that the network has taken must not keep its caller from coming back.
    this.dropTalk();
    this.#takeCall(session);
    this.#ringer.start();
    this.#emit("offer", { name: session.remote_identity.display_name || "" });
    if (performance.now() < this.#answerUntil) this.answer();
  }

  #takeCall(session) {
    this.#session = session;
    this.#answered = this.#held = this.#muted = false;
    session.on("icecandidate", ({ candidate, ready }) => this.#onCandidate(candidate, ready));
    session.on("peerconnection", ({ peerconnection }) => this.#listenTo(peerconnection));
    session.on("confirmed", () => this.#checking || this.#expectMedia());
    session.on("hold", ({ originator }) => originator === "local" && this.#setHeld(true));
    session.on("unhold", ({ originator }) => originator === "local" && this.#setHeld(false));
    session.on("ended", ({ originator }) => this.#onEnded(session, originator));
    session.on("failed", ({ originator, cause }) => this.#onEnded(session, originator, cause));
  }

  /** Answer the call that rings, or that comes in a moment. */
  async answer() {
    const session = this.#session;
    if (session === null) this.#answerUntil = performance.now() + EARLY_MS;
    if (session === null || this.#answered) return;
    this.#answerUntil = 0;
    this.#ringer.stop();
    // A page that was just opened rings before its microphone is there.
    if (!this.state.microphone) await this.#awaitMicrophone();
    if (this.#session !== session || this.#answered) return;
    if (!this.state.microphone) {
      // Nobody is asked for a microphone while a caller waits.
      session.terminate({ status_code: 480 });
      this.#emit("failed", { reason: "no_microphone" });
      return;
    }
    this.#answered = true;
    session.answer({ mediaStream: this.#microphone, pcConfig: this.#pcConfig() });
    setTimeout(() => this.#sendAnswer(), ANSWER_MS);
  }

  async #awaitMicrophone() {
    await Promise.race([this.#opening, new Promise((resolve) => setTimeout(resolve, this.#opening ? OPENING_MS : 0))]);
  }

  #pcConfig() {
    const turn = this.#access.turn;
    return { iceServers: turn ? [turn] : [], ...this.#pc };
  }

  #onCandidate(candidate, ready) {
    this.#ready = ready;
    // With TURN the page may be somewhere else: only a relay's address leads to Asterisk for certain.
    if (candidate.type === (this.#access.turn ? "relay" : "host")) this.#sendAnswer();
  }

  #sendAnswer() {
    this.#ready?.();
    this.#ready = null;
  }

  #listenTo(connection) {
    connection.addEventListener("track", ({ track }) => this.#sound.play(new MediaStream([track])));
    connection.addEventListener("connectionstatechange", () => {
      if (connection.connectionState === "failed" && this.#mediaTimer) this.#loseTalk();
    });
  }

  /** Confirmed by SIP is not yet sound: a talk whose media finds no way, or no keys, is lost, and that is said. */
  #expectMedia() {
    const connection = this.#session.connection;
    const session = this.#session;
    let way = false;
    const wait = () => {
      clearTimeout(this.#mediaTimer);
      this.#mediaTimer = setTimeout(() => this.#loseTalk(), MEDIA_MS);
    };
    const look = () => {
      if (this.#session !== session || !this.#mediaTimer) return;
      // The sides agree on keys as soon as there is a way. Without keys nobody hears anything, and nothing ends it.
      if (!way && ["connected", "completed"].includes(connection.iceConnectionState)) {
        way = true;
        wait();
      }
      if (connection.connectionState !== "connected") return;
      clearTimeout(this.#mediaTimer);
      this.#mediaTimer = 0;
      for (const name of CHANGES) connection.removeEventListener(name, look);
      this.#watchSound(session, connection);
      this.#emit("talking");
    };
    for (const name of CHANGES) connection.addEventListener(name, look);
    wait();
    look();
  }

  #watchSound(session, connection) {
    let there = true;
    connection.addEventListener("iceconnectionstatechange", () => {
      const now = !isSilent(connection);
      if (this.#session !== session || now === there) return;
      there = now;
      this.#emit("sound", { there });
    });
  }

  #loseTalk() {
    if (this.dropTalk()) this.#emit("failed", { reason: "no_media" });
  }

  /** Forget a talk that has no sound, as lost. Returns whether there was one. */
  dropTalk() {
    const session = this.#session;
    if (session === null) return false;
    this.#forgetCall();
    try {
      session.terminate({ extraHeaders: LOST });
    } catch {
      // It has ended meanwhile.
    }
    return true;
  }

  #onEnded(session, originator, cause) {
    if (this.#session !== session) return;
    const rang = !this.#answered;
    this.#forgetCall();
    if (this.#checking) return;
    if (cause === "Connection Error" || cause === "Request Timeout") this.#emit("failed", { reason: "no_signalling" });
    else this.#emit("ended", { by: originator === "remote" ? "caller" : "agent", rang });
  }

  #forgetCall() {
    clearTimeout(this.#mediaTimer);
    this.#mediaTimer = 0;
    this.#session = this.#ready = null;
    this.#answered = this.#held = this.#muted = false;
    // Hold and mute switch the track off, and the microphone is kept.
    for (const track of this.#microphone?.getAudioTracks() ?? []) track.enabled = true;
    this.#ringer.stop();
    this.#sound.stop();
  }

  /** End the talk, or decline the call that rings. */
  hangUp() {
    if (this.#session === null) return;
    try {
      if (this.#answered) this.#session.terminate();
      else this.#session.terminate({ status_code: 603 });
    } catch {
      // The caller was faster.
    }
  }

  /** Give the caller music. Rejects with an Error `no_call`, `no_signalling` or `not_now`. */
  hold() {
    return this.#reinvite("hold");
  }

  /** Talk with the caller again. */
  resume() {
    return this.#reinvite("unhold");
  }

  #reinvite(what) {
    return new Promise((resolve, reject) => {
      if (this.#session === null || !this.#answered) return reject(new Error("no_call"));
      // A request that cannot be sent would end the talk, so none is tried.
      if (!this.#ua?.isConnected()) return reject(new Error("no_signalling"));
      const session = this.#session;
      const over = () => reject(new Error("no_call"));
      session.once("ended", over);
      const done = () => {
        session.removeListener("ended", over);
        resolve();
      };
      if (!session[what]({}, done)) {
        session.removeListener("ended", over);
        reject(new Error("not_now"));
      }
    });
  }

  #setHeld(held) {
    this.#held = held;
    this.#emit(held ? "held" : "talking");
  }

  /** Keep the caller from hearing the agent, or not. */
  mute(on) {
    if (this.#session === null || !this.#answered) return;
    if (on) this.#session.mute({ audio: true });
    else this.#session.unmute({ audio: true });
    this.#muted = on;
  }

  /** Press keys in the talk ("*2"). */
  sendKeys(keys) {
    if (this.#session === null || !this.#answered) return;
    this.#session.sendDTMF(keys, { transportType: "RFC2833", duration: KEY_MS, interToneGap: GAP_MS });
  }

  /** Figures of the talk: {received, lost, sent, rtt (s), way ("host", "relay", …)}, or null without one. */
  async callStats() {
    const connection = this.#session?.connection;
    if (!connection) return null;
    const stats = new Map();
    for (const [id, one] of await connection.getStats()) stats.set(id, one);
    const found = { received: 0, lost: 0, sent: 0, rtt: 0, way: "" };
    for (const one of stats.values()) {
      if (one.type === "inbound-rtp") Object.assign(found, { received: one.packetsReceived, lost: one.packetsLost });
      if (one.type === "outbound-rtp") found.sent = one.packetsSent;
      if (one.type === "transport" && stats.has(one.selectedCandidatePairId)) {
        const pair = stats.get(one.selectedCandidatePairId);
        found.rtt = pair.currentRoundTripTime ?? 0;
        found.way = stats.get(pair.localCandidateId)?.candidateType ?? "";
      }
    }
    return found;
  }

  // --- microphone and devices -----------------------------------------------------------------------------------

  /** Open the microphone, or another one. Returns whether it is open; the event `microphone` says why not. */
  async openMicrophone(device = this.#device) {
    const opening = (this.#opening = this.#openDevice(device));
    try {
      return await opening;
    } finally {
      if (this.#opening === opening) this.#opening = null;
    }
  }

  async #openDevice(device) {
    this.#device = device;
    let stream;
    try {
      const audio = device ? { ...MICROPHONE, deviceId: { exact: device } } : MICROPHONE;
      stream = await navigator.mediaDevices.getUserMedia({ audio });
    } catch (error) {
      // A chosen microphone that is away must not keep another one from working.
      if (device && error.name === "OverconstrainedError") return this.#openDevice("");
      const refused = ["NotAllowedError", "SecurityError"].includes(error.name);
      this.#emit("microphone", { state: refused ? "refused" : "missing", name: error.name });
      return false;
    }
    const old = this.#microphone;
    this.#microphone = stream;
    const [track] = stream.getAudioTracks();
    track.addEventListener("ended", () => this.#onMicrophoneGone(track));
    for (const sender of this.#session?.connection?.getSenders() ?? []) {
      if (sender.track?.kind === "audio" && !this.#checking) {
        track.enabled = sender.track.enabled;
        await sender.replaceTrack(track);
      }
    }
    for (const one of old?.getTracks() ?? []) one.stop();
    this.#emit("microphone", { state: "open", name: track.label });
    return true;
  }

  #closeMicrophone() {
    for (const one of this.#microphone?.getTracks() ?? []) one.stop();
    this.#microphone = null;
  }

  #onMicrophoneGone(track) {
    if (this.#microphone?.getAudioTracks()[0] !== track) return;
    this.#emit("microphone", { state: "gone", name: track.label });
  }

  /** Loudness of the microphone in dB below full scale, -100 for silence. */
  microphoneLevel() {
    return this.#sound.levelOf(this.#microphone);
  }

  /** Devices with their names: {input: [{id, name}], output: […]}. */
  async devices() {
    const all = await navigator.mediaDevices.enumerateDevices();
    const pick = (kind) => all.filter((one) => one.kind === kind).map((one) => ({ id: one.deviceId, name: one.label }));
    return { input: pick("audioinput"), output: pick("audiooutput") };
  }

  async #checkDevices() {
    const { output, input } = await this.devices();
    const ids = output.map((one) => one.id);
    if (await this.#sound.dropDevice(ids)) this.#emit("device", { kind: "output", state: "gone" });
    if (await this.#ringer.dropDevice(ids)) this.#emit("device", { kind: "ringer", state: "gone" });
    // A headset that was plugged in again works without a word.
    if (this.#microphone !== null && !this.state.microphone && input.length) await this.openMicrophone();
  }

  /** Set the caller's sound: {ear: "both"|"left"|"right", gainDb: 0…20, limiter: true|false, device: id}. */
  setSound(wanted) {
    return this.#sound.set(wanted);
  }

  /** Set the ringer: {on: true|false, volume: 0…1, device: id}. */
  setRinger(wanted) {
    return this.#ringer.set(wanted);
  }

  /** Level of the caller's sound and its strongest frequency: {db, hertz}. */
  callerSpectrum() {
    return this.#sound.spectrum();
  }

  // --- sound check ----------------------------------------------------------------------------------------------

  /** Call the echo of the exchange (*40), send half a second of tone and look for it in what comes back.
      Returns {ok, step}; step says what failed: "busy", "microphone", "registration", "connection", "sound". */
  async soundCheck() {
    if (this.#session !== null) return { ok: false, step: "busy" };
    if (!this.state.microphone) return { ok: false, step: "microphone" };
    if (!this.state.registered) return { ok: false, step: "registration" };
    const tone = await this.#sound.tone(CHECK_HZ);
    this.#checking = true;
    try {
      const session = this.#ua.call(`sip:*40@${this.#ua.configuration.uri.host}`,
        { mediaStream: tone.stream, pcConfig: this.#pcConfig() });
      this.#takeCall(session);
      setTimeout(() => this.#sendAnswer(), ANSWER_MS);
      // The connection of an outgoing call is there before anybody can listen for it.
      if (session.connection) this.#listenTo(session.connection);
      const end = performance.now() + CHECK_MS;
      const until = async (what) => {
        while (!what()) {
          if (performance.now() > end || session.isEnded()) return false;
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        return true;
      };
      const connected = () => ["connected", "completed"].includes(session.connection?.iceConnectionState);
      if (!(await until(() => session.isEstablished() && connected()))) return { ok: false, step: "connection" };
      tone.start(CHECK_TONE_S);
      const heard = await until(() => this.#sound.hears(CHECK_HZ));
      return { ok: heard, step: heard ? "" : "sound" };
    } finally {
      const session = this.#session;
      if (session !== null) {
        this.#forgetCall();
        try {
          session.terminate();
        } catch {
          // It has ended meanwhile.
        }
      }
      tone.stop();
      this.#checking = false;
    }
  }

  #emit(type, detail = {}) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** Whether the network of a talk is gone. A connection that begins is not silent yet. */
function isSilent(connection) {
  return ["disconnected", "failed", "closed"].includes(connection?.iceConnectionState);
}
