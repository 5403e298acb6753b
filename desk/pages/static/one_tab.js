// One desk a browser: the newest page works, an older one goes quiet.

export class OneTab {
  // replaced: called once when a newer page has opened.
  constructor(replaced, { Channel = BroadcastChannel } = {}) {
    this.channel = new Channel("santral-desk");
    this.channel.addEventListener("message", () => {
      this.channel.close();
      replaced();
    });
    this.channel.postMessage("opened");
  }
}
