// The part of a browser's storage that belongs to one agent: the next shift may have this machine.

export class OwnStorage {
  constructor(storage, agent) {
    Object.assign(this, { storage, agent });
  }

  getItem(name) {
    return this.storage.getItem(`${name} ${this.agent}`);
  }

  setItem(name, value) {
    this.storage.setItem(`${name} ${this.agent}`, value);
  }

  removeItem(name) {
    this.storage.removeItem(`${name} ${this.agent}`);
  }
}
