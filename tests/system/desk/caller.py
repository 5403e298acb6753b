"""The caller's page of a lab in Chromium: dial, press keys, and measure what the browser hears."""

from __future__ import annotations

from playwright.async_api import Browser, Page

from tests.until import until_async

SPECTRUM = "import('/static/caller.js').then(({ line }) => line.spectrum())"
WATCHED = """
window.connections = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...values) {
    super(...values);
    window.connections.push(this);
  }
};
"""
"""Script that keeps the connections of a page, so that a test can measure what comes in."""
INCOMING = """
async () => {
  const connection = window.connections.findLast(one => one.connectionState === "connected");
  const track = connection?.getReceivers()[0]?.track;
  if (!track) return 0;
  const context = new AudioContext();
  const meter = new AnalyserNode(context, { fftSize: 4096, smoothingTimeConstant: 0 });
  new MediaStreamAudioSourceNode(context, { mediaStream: new MediaStream([track]) }).connect(meter);
  await new Promise(done => setTimeout(done, 400));
  const bins = new Float32Array(meter.frequencyBinCount);
  meter.getFloatFrequencyData(bins);
  const width = context.sampleRate / meter.fftSize;
  await context.close();
  let best = Math.ceil(100 / width);
  for (let at = best; at < bins.length; at += 1) if (bins[at] > bins[best]) best = at;
  return bins[best] > -60 ? best * width : 0;
}
"""


VOICE = 1200
"""Tone of a visitor's microphone in Hz, if it is not the browser's own. Echo cancellation would take the tone of one
end away at the other."""
OWN_VOICE = """
navigator.mediaDevices.getUserMedia = async () => {
  const context = new AudioContext();
  const source = new OscillatorNode(context, { frequency: VOICE });
  const out = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
  source.connect(new GainNode(context, { gain: 0.3 })).connect(out);
  source.start();
  return out.stream;
};
""".replace("VOICE", str(VOICE))


class CallerPage:
    """The page of one visitor."""

    def __init__(self, page: Page, errors: list[str]) -> None:
        self.page, self.errors = page, errors

    @classmethod
    async def open_page(cls, browser: Browser, address: str, script: str = "") -> CallerPage:
        """Open the page in a new context. `script` runs before the page's own."""
        page = await (await browser.new_context()).new_page()
        if script:
            await page.add_init_script(script)
        errors: list[str] = []
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.goto(address)
        return cls(page, errors)

    async def state(self) -> str:
        """Return what the live region says."""
        return await self.page.inner_text("#state")

    async def says(self, text: str, limit: float = 30.0) -> None:
        """Wait until the live region says this."""
        async def there() -> bool:
            return text in await self.state()

        try:
            await until_async(there, limit, f"the caller's page says {text}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it says {await self.state()}; errors {self.errors}") from None

    async def hears_sound(self) -> None:
        """Wait until speech or music comes in."""
        async def there() -> bool:
            found = await self.page.evaluate(SPECTRUM)
            return bool(found["db"] > -50)

        await until_async(there, 30.0, "sound in the caller's page")

    async def hears_tone(self, hertz: float) -> None:
        """Wait until the strongest frequency is this one."""
        async def there() -> bool:
            found = await self.page.evaluate(SPECTRUM)
            return bool(abs(found["hertz"] - hertz) < 25 and found["db"] > -60)

        try:
            await until_async(there, 60.0, f"{hertz} Hz in the caller's page")
        except AssertionError as error:
            raise AssertionError(f"{error}; it says {await self.state()}") from None
